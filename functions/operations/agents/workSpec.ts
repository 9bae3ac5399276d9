import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { WorkSpec } from "../../../shared/contracts/work.ts";
import type { RoundRecord } from "../../domain/records.ts";
import { sasUrl } from "../../security/sas.ts";
import type { Services } from "../../services.ts";
import type { WorkId } from "../../stores/rounds/refs.ts";
import { readPlan } from "../../stores/rounds/roundBlobs.ts";
import { openContainers } from "../packages/packageContainers.ts";

/**
 * What an agent needs for a work item, and nothing more: a SAS that may create and write in one container, and the unwrapped
 * content key of one package. It is made at each claim and kept nowhere.
 */
export async function workSpec(
  app: Services,
  id: WorkId,
  { epoch, round }: { epoch: number; round: RoundRecord },
): Promise<WorkSpec> {
  const { rounds, state, stateBlobs } = app;
  const { settings, source } = round;
  const folder = settings.snapshotFolder;
  if (id.kind === "scan") {
    const container = stateBlobs.getContainerClient(round.inventoryContainer);
    // Read after the claim: from then on nobody else registers segments.
    const { lastPath, segments } = (await rounds.current(id)).scan;
    return {
      kind: "scan",
      source,
      containerUrl: await sasUrl(container, "agentWrites", Date.now()),
      blobPrefix: `${id.run}-e${epoch}`,
      segmentItems: settings.packageItems,
      segmentBytes: settings.packageBytes,
      names: {
        invalidCharacters: settings.invalidCharacters,
        replacementCharacter: settings.replacementCharacter,
      },
      ...((settings.preserveOwner || settings.preservePermissions) && { people: true }),
      ...(settings.fileVersions > 0 && {
        versions: { keep: settings.fileVersions, ...(folder && { folder }) },
      }),
      ...(lastPath !== undefined && { resume: { after: lastPath, segment: segments } }),
    };
  }
  const pkg = await rounds.plannedPackage(id);
  const plan = await readPlan(state.plans, id, id.attempt);
  if (!plan || !pkg.key || !pkg.containers)
    throw new LongshoreError("CONFLICT", `package ${id.segment} has no plan any more`);
  const { key, forAgent } = await openContainers(app, id, pkg);
  return {
    kind: "upload",
    source,
    containerUrl: await forAgent(),
    contentKey: key.toString("base64"),
    blobPrefix: `e${epoch}`,
    archiveSmallFiles: settings.archiveSmallFiles,
    attemptsPerFile: settings.attemptsPerItem,
    ...(folder && { snapshotFolder: folder }),
    files: plan.items.flatMap(({ action, kind, path, size, modified, versions }, index) =>
      action === "migrate" && kind === "file"
        ? [{ index, path, size, modified, ...(versions && { versions }) }]
        : [],
    ),
  };
}
