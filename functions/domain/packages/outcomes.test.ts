import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import { outcomeSchema } from "../../../shared/contracts/outcomes.ts";
import type { UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { file, folder, NOON, planInput } from "../../../test/support/records.ts";
import { packageOutcomes, totalsOf } from "./outcomes.ts";
import { type Plan, planSegment } from "./plan.ts";

const facts = { round: 2, segment: 7, job: "job", agent: "agent" };
const issue: Issue = { code: "IMPORT_ITEM_FAILED", message: "no" };
const planOf = (...entries: Parameters<typeof planSegment>[0]["entries"][number][]): Plan =>
  planSegment(planInput({ entries }));
const uploaded = (index: number, size = 10, modified = NOON): UploadedFile => ({
  ...{ status: "uploaded", index, size, modified, blob: `${index}.dat`, iv: "aXY=", md5: "bWQ1" },
});
const result = (...files: UploadedFile[]): UploadResult => ({
  kind: "upload",
  files,
  archives: [],
});
const arrived = () => undefined;

describe("one item", () => {
  it("migrated: with its identity, its job and what arrived", () => {
    const plan = planOf(file("a"));
    const [outcome] = packageOutcomes(plan, result(uploaded(0, 12, NOON + 5)), arrived, facts);
    expect(outcome).toEqual({
      ...{ path: "a", kind: "file", size: 12, modified: NOON + 5, created: NOON },
      ...{ id: plan.items[0]?.id, listItemId: plan.items[0]?.listItemId, intId: 1 },
      ...{ package: 7, job: "job", agent: "agent", result: "migrated" },
      arrived: { size: 12, modified: NOON + 5, round: 2 },
    });
  });

  it("failed to upload: with the agent's reason, whatever SharePoint says", () => {
    const gone: Issue = { code: "FILE_VANISHED", message: "gone" };
    const upload = result({ status: "failed", index: 0, issue: gone });
    const [outcome] = packageOutcomes(planOf(file("a")), upload, () => issue, facts);
    expect(outcome).toMatchObject({ result: "failed", issue: gone, size: 10 });
    expect(outcome).not.toHaveProperty("arrived");
  });

  it("failed to import: with SharePoint's reason", () => {
    const [outcome] = packageOutcomes(planOf(file("a")), result(uploaded(0)), () => issue, facts);
    expect(outcome).toMatchObject({ result: "failed", issue });
  });

  it("never migrated without content that was uploaded", () => {
    for (const upload of [undefined, result()]) {
      const [outcome] = packageOutcomes(planOf(file("a")), upload, arrived, facts);
      expect(outcome).toMatchObject({ result: "failed", issue: { code: "UPLOAD_FAILED" } });
    }
  });

  it("a folder needs no content", () => {
    const [outcome] = packageOutcomes(planOf(folder("a")), undefined, arrived, facts);
    expect(outcome).toMatchObject({ result: "migrated", arrived: { modified: NOON, size: 0 } });
  });

  it("brought by an interrupted attempt: migrated, by no job that we know", () => {
    const plan = planOf(file("a"));
    Object.assign(plan.items[0] as object, {
      action: "arrived",
      arrived: { modified: NOON, size: 10, round: 2 },
    });
    const [outcome] = packageOutcomes(plan, undefined, () => issue, facts);
    expect(outcome).toMatchObject({ result: "migrated", arrived: { round: 2 } });
    expect(outcome).not.toHaveProperty("job");
  });

  it("that failed now keeps what an earlier round brought", () => {
    const plan = planOf(file("a"));
    const before = { modified: NOON - 1, size: 9, round: 0 };
    Object.assign(plan.items[0] as object, { arrived: before });
    const [outcome] = packageOutcomes(plan, result(uploaded(0)), () => issue, facts);
    expect(outcome).toMatchObject({ result: "failed", arrived: before });
  });
});

describe("any package", () => {
  const entries = fc.array(
    fc.record({
      name: fc.constantFrom("a", "b:", "c ", "d"),
      kind: fc.constantFrom("file", "folder", "other" as const),
      size: fc.nat(1000),
    }),
    { maxLength: 30 },
  );

  it("has exactly one outcome per item, in order, and totals that add up", () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat(3)), (found, dice) => {
        const plan = planOf(
          ...found.map(({ name, kind, size }, n) => file(`${n}${name}`, { kind, size })),
        );
        const files = plan.items.flatMap(({ action, kind }, index): UploadedFile[] => {
          if (action !== "migrate" || kind !== "file") return [];
          const roll = dice.next().value;
          if (roll === 0) return [];
          return roll === 1 ? [{ status: "failed", index, issue }] : [uploaded(index, index * 3)];
        });
        const outcomes = packageOutcomes(
          plan,
          result(...files),
          () => (dice.next().value === 0 ? issue : undefined),
          facts,
        );
        expect(outcomes.map(({ path }) => path)).toEqual(plan.items.map(({ path }) => path));
        for (const outcome of outcomes) {
          expect(outcomeSchema.parse(outcome)).toEqual(outcome);
          if (outcome.result !== "migrated") expect(outcome.issue).toBeDefined();
          else expect(outcome.arrived).toBeDefined();
        }
        const { migrated, skipped, failed } = totalsOf(outcomes);
        expect(migrated.items + skipped.items + failed.items).toBe(found.length);
        expect(migrated.bytes + skipped.bytes + failed.bytes).toBe(
          outcomes.reduce((sum, { size }) => sum + size, 0),
        );
      }),
    );
  });
});
