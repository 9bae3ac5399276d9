import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { canBecome } from "../../domain/packages/packageStates.ts";
import type { PackageRecord, PackageState, RoundRecord } from "../../domain/records.ts";
import { withSample } from "../../domain/rounds/progress.ts";
import { countStages } from "../../domain/rounds/roundTotals.ts";
import { Writes } from "../storage/documents.ts";
import { type PackageRef, roundKey } from "./refs.ts";
import { requireRun } from "./roundChecks.ts";
import { packageRow, ROUND, type RoundRows } from "./roundRows.ts";

/**
 * Moves a package on and adds it to the round's stage counters, once per stage however often it is tried. `change` may
 * adjust both rows on the way. Asking for a state the package has already is fine and changes nothing.
 */
export function advancePackage(
  rows: RoundRows,
  ref: PackageRef,
  to: PackageState,
  change: (pkg: PackageRecord, round: RoundRecord) => void,
): Promise<PackageRecord> {
  const partition = roundKey(ref.taskId, ref.round);
  return rows.inTurn(partition, async (look) => {
    const [foundRound, foundPackage] = await Promise.all([
      look(rows.rounds, partition, ROUND),
      look(rows.packages, partition, packageRow(ref.segment)),
    ]);
    requireRun(foundRound?.value, ref);
    if (!foundRound || !foundPackage)
      throw new LongshoreError("INTERNAL", `package ${ref.segment} has no row`);
    const { value: pkg } = foundPackage;
    const { value: round } = foundRound;
    if (pkg.state === to && to !== "scanned") return { result: pkg };
    if (!canBecome(pkg.state, to))
      throw new LongshoreError(
        "INTERNAL",
        `package ${ref.segment} is ${pkg.state} and cannot become ${to}`,
      );
    pkg.state = to;
    change(pkg, round);
    countStages(pkg, round);
    round.samples = withSample(round.samples ?? [], round, Date.now());
    const writes = new Writes(rows.table, partition)
      .replace(rows.packages, packageRow(ref.segment), pkg, foundPackage.etag)
      .replace(rows.rounds, ROUND, round, foundRound.etag);
    return { result: pkg, writes };
  });
}
