import { describe, expect, it } from "@jest/globals";
import type { InventoryEntry } from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { settingsSchema } from "../../../shared/contracts/settings.ts";
import { itemIds } from "../../../shared/package/ids.ts";
import { earlierRound, issue, only, plan, YEAR } from "../../../test/support/plans.ts";
import { file, folder, NOON, target } from "../../../test/support/records.ts";
import { packageOutcomes } from "./outcomes.ts";
import { destinationFolder, inLibrary } from "./plan.ts";

describe("identity", () => {
  it("is derived from site, library and path, and integer ids go up", () => {
    const { items } = plan([folder("a"), file("a/f")], { firstIntId: 500 });
    expect(items[1]).toMatchObject({ ...itemIds(target(), "a/f"), intId: 501 });
    expect(items[0]).toMatchObject({ ...itemIds(target(), "a"), intId: 500 });
  });

  it("is that of the path in the library, with the destination folder", () => {
    const there = target({ folders: [{ path: "Archive" }, { path: "Archive/2019", id: "x" }] });
    expect(inLibrary(there, "a")).toBe("Archive/2019/a");
    expect(destinationFolder(there)).toBe("/sites/finance/Shared Documents/Archive/2019");
    expect(destinationFolder(target())).toBe("/sites/finance/Shared Documents");
    expect(only(file("a"), { target: there })).toMatchObject(itemIds(target(), "Archive/2019/a"));
  });

  it("stays what an earlier round stored, even where it would be derived otherwise", () => {
    const stored = { id: "11111111-1111-4111-8111-111111111111", listItemId: "2", intId: 9 };
    const earlier = earlierRound(file("a"), stored);
    const item = only(file("a", { modified: NOON + 1 }), { earlier });
    expect(item).toMatchObject({ action: "migrate", ...stored });
  });

  it("is a new one when a folder takes the place of a file", () => {
    const item = only(folder("a"), { earlier: earlierRound(file("a")), firstIntId: 5 });
    expect(item).toMatchObject({ action: "migrate", intId: 5 });
    expect(item).not.toHaveProperty("arrived");
  });
});

describe("compared with an earlier round", () => {
  const before = file("a");
  const cases: [string, Partial<InventoryEntry>, "skip" | "migrate"][] = [
    ["unchanged", {}, "skip"],
    ["newer", { modified: NOON + 1 }, "migrate"],
    ["newer with the same size", { modified: NOON + 1, size: 10 }, "migrate"],
    ["the same time with another size", { size: 11 }, "migrate"],
    ["older", { modified: NOON - 1 }, "skip"],
    ["older with another size", { modified: NOON - 1, size: 11 }, "skip"],
    ["born at another time", { created: NOON + 5 }, "skip"],
  ];

  it.each(cases)("%s", (_what, change, action) => {
    const item = only({ ...before, ...change }, { earlier: earlierRound(before) });
    expect(item.action).toBe(action);
    expect(item.intId).toBe(77);
    expect(item.arrived).toEqual({ modified: NOON, size: 10, round: 0 });
    if (action === "skip") expect(item.issue?.code).toBe("UNCHANGED");
  });

  it("a folder that arrived stays as it is, whatever its time", () => {
    const earlier = earlierRound(folder("a"));
    expect(only(folder("a", { modified: NOON + YEAR }), { earlier }).action).toBe("skip");
  });

  it("what failed comes again", () => {
    const { arrived: _none, ...failed } = earlierRound(before).get("a") as Outcome;
    const earlier = new Map([["a", { ...failed, result: "failed" } as Outcome]]);
    expect(only(before, { earlier })).toMatchObject({ action: "migrate", intId: 77 });
  });

  it("what arrived once and failed since is compared with what arrived", () => {
    const earlier = earlierRound(before, { result: "failed", modified: NOON + 9 });
    expect(only(before, { earlier }).action).toBe("skip");
    expect(only(file("a", { modified: NOON + 9 }), { earlier }).action).toBe("migrate");
  });

  it("what cannot be read for one round is unchanged again in the next", () => {
    const locked = file("a", { issue: issue("SOURCE_ACCESS_DENIED") });
    const refused = plan([locked], { earlier: earlierRound(before) });
    const [failed] = packageOutcomes(refused, undefined, () => undefined, { round: 1, segment: 0 });
    expect(failed).toMatchObject({ result: "failed", arrived: { round: 0 } });
    const earlier = new Map([["a", failed as Outcome]]);
    expect(only(before, { earlier })).toMatchObject({ action: "skip", intId: 77 });
  });
});

describe("what somebody else has at the destination", () => {
  const OTHER = "22222222-2222-4222-8222-222222222222";
  const there = (path: string, kind: "file" | "folder", modified = NOON, id = OTHER) =>
    new Map([[path, { id, kind, size: 3, modified }]]);

  it("a folder is used under its own id, and is not written again", () => {
    const existing = there("docs", "folder");
    const { items } = plan([folder("Docs"), file("Docs/a")], { existing });
    expect(items[0]).toMatchObject({
      ...{ action: "skip", adopted: true, id: OTHER, issue: { code: "EXISTS_AT_DESTINATION" } },
      arrived: { round: 0 },
    });
    expect(items[1]?.action).toBe("migrate");
    const [outcome] = packageOutcomes({ items, above: [] }, undefined, () => undefined, {
      ...{ round: 0, segment: 0 },
    });
    const earlier = new Map([["Docs", outcome as Outcome]]);
    const next = plan([file("Docs/b")], { open: [folder("Docs")], earlier });
    expect(next.above).toMatchObject([{ id: OTHER, adopted: true }]);
  });

  it.each([
    ["newer", NOON + 1000, "migrate"],
    ["newer", NOON + 999, "skip"],
    ["newer", NOON - 1, "skip"],
    ["overwrite", NOON - 1, "migrate"],
    ["skip", NOON + 1000, "skip"],
    ["fail", NOON + 1000, "fail"],
  ] as const)("a file, with %s: %p", (onConflict, modified, action) => {
    const item = only(file("a", { modified }), {
      existing: there("a", "file"),
      settings: settingsSchema.parse({ onConflict }),
    });
    expect(item.action).toBe(action);
    if (action === "migrate") expect(item.id).toBe(OTHER);
    else {
      expect(item.issue?.code).toBe("EXISTS_AT_DESTINATION");
      expect(item).not.toHaveProperty("arrived");
    }
  });

  it("may be what an interrupted attempt has brought", () => {
    const existing = new Map([
      ["a", { id: OTHER, kind: "file" as const, size: 10, modified: NOON }],
    ]);
    expect(only(file("a"), { existing }).action).toBe("skip");
    const again = only(file("a"), { existing, isRepeated: true });
    expect(again).toMatchObject({ action: "migrate", id: OTHER });
  });

  it("a file in the place of a folder keeps back all that is in it", () => {
    const { items } = plan([folder("a"), file("a/b")], { existing: there("a", "file") });
    expect(items.map(({ issue }) => issue?.code)).toEqual([
      "EXISTS_AT_DESTINATION",
      "PARENT_NOT_MIGRATED",
    ]);
  });

  it("is known from now on when a task before this one brought it", () => {
    const { id } = itemIds(target(), "a");
    const ours = (more: object) =>
      new Map([["a", { id, kind: "file" as const, size: 10, modified: NOON, ...more }]]);
    expect(only(file("a"), { existing: ours({}) })).toMatchObject({
      ...{ action: "skip", id, issue: { code: "EXISTS_AT_DESTINATION" } },
      arrived: { modified: NOON, size: 10, round: 0 },
    });
    // Somebody has worked on it since, or the source is newer.
    expect(only(file("a"), { existing: ours({ modified: NOON + 9000 }) }).action).toBe("skip");
    expect(only(file("a"), { existing: ours({ modified: NOON - 9000 }) }).action).toBe("migrate");
    // An interrupted attempt is looked after elsewhere.
    expect(only(file("a"), { existing: ours({}), isRepeated: true }).action).toBe("migrate");
  });

  it.each([
    ["newer", NOON + 5000, NOON + 9000, "skip"],
    ["newer", NOON + 9000, NOON + 5000, "migrate"],
    ["overwrite", NOON + 5000, NOON + 9000, "migrate"],
    ["skip", NOON + 9000, NOON + 5000, "skip"],
    ["fail", NOON + 9000, NOON + 5000, "fail"],
    ["skip", NOON + 9000, NOON, "migrate"],
  ] as const)(
    "may be our file with later changes, with %s: %p and %p",
    (onConflict, modified, theirs, action) => {
      const earlier = earlierRound(file("a"));
      const { id } = earlier.get("a") as Outcome;
      const item = only(file("a", { modified }), {
        earlier,
        existing: there("a", "file", theirs, id),
        settings: settingsSchema.parse({ onConflict }),
      });
      expect(item).toMatchObject({ action, id, intId: 77, arrived: { modified: NOON } });
    },
  );

  it("may have taken the place of what an earlier round brought", () => {
    const earlier = earlierRound(file("a"));
    const existing = there("a", "file", NOON - 5000);
    const item = only(file("a", { modified: NOON + 5000 }), { earlier, existing });
    expect(item).toMatchObject({ action: "migrate", id: OTHER, intId: 77 });
  });
});
