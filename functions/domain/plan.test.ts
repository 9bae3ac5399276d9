import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ErrorCode } from "../../shared/contracts/errors.ts";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import { type Settings, settingsSchema } from "../../shared/contracts/settings.ts";
import { itemIds } from "../../shared/package/ids.ts";
import { comparePaths, parentOf } from "../../shared/rules/paths.ts";
import { file, folder, NOON, planInput, target } from "../../test/support/records.ts";
import { packageOutcomes } from "./outcomes.ts";
import { destinationFolder, inLibrary, type PlanInput, planSchema, planSegment } from "./plan.ts";

const plan = (entries: InventoryEntry[], more: Partial<PlanInput> = {}) =>
  planSegment(planInput({ entries, ...more }));
/** The one item that the plan has for one entry. */
const only = (entry: InventoryEntry, more: Partial<PlanInput> = {}) => {
  const [item] = plan([entry], more).items;
  return item as NonNullable<typeof item>;
};
const issue = (code: ErrorCode) => ({ code, message: "seen by the walk" });
const YEAR = 365 * 24 * 3600_000;

/** What a round made of an entry that arrived. */
const earlierRound = (entry: InventoryEntry, more: Partial<Outcome> = {}): Map<string, Outcome> => {
  const item = only(entry, { firstIntId: 77 });
  const arrived = { modified: entry.modified, size: entry.size, round: 0 };
  const { path, kind, size, modified, created, id, listItemId, intId } = item;
  const outcome = { path, kind, size, modified, created, id, listItemId, intId } as Outcome;
  return new Map([[path, { ...outcome, result: "migrated", arrived, ...more }]]);
};

describe("refusals", () => {
  const refused: [string, InventoryEntry, ErrorCode, "fail" | "skip"][] = [
    ["a colon", file("a:b"), "NAME_INVALID_CHARACTERS", "fail"],
    ["a control character", file("a\u0007b"), "NAME_INVALID_CHARACTERS", "fail"],
    ["a reserved name", file("CON"), "NAME_RESERVED", "fail"],
    ["Forms at the library's root", folder("Forms"), "NAME_RESERVED", "fail"],
    ["a lock file of Office", file("~$report.docx"), "NAME_RESERVED", "fail"],
    ["a leading space", file(" a"), "NAME_LEADING_OR_TRAILING_SPACE", "fail"],
    ["a trailing space", file("a "), "NAME_LEADING_OR_TRAILING_SPACE", "fail"],
    ["a trailing period", folder("a."), "NAME_TRAILING_PERIOD", "fail"],
    ["a long name", file("n".repeat(256)), "NAME_TOO_LONG", "fail"],
    ["half a surrogate pair", file("a\ud800"), "NAME_NOT_UNICODE", "fail"],
    ["a long path", file(`${"p".repeat(200)}/${"q".repeat(200)}`), "PATH_TOO_LONG", "fail"],
    ["a time before 1900", file("a", { modified: -80 * YEAR }), "TIME_NOT_SUPPORTED", "fail"],
    ["a birth after 8900", file("a", { created: 7_000 * YEAR }), "TIME_NOT_SUPPORTED", "fail"],
    ["a file over 250 GB", file("a", { size: 251 * 1024 ** 3 }), "FILE_TOO_LARGE", "fail"],
    [
      "a link",
      { ...file("a"), kind: "other", issue: issue("SYMBOLIC_LINK") },
      "SYMBOLIC_LINK",
      "skip",
    ],
    [
      "a folder of snapshots",
      { ...file("a"), kind: "folder", issue: issue("SNAPSHOT_FOLDER") },
      "SNAPSHOT_FOLDER",
      "skip",
    ],
    ["a pipe", { ...file("a"), kind: "other", issue: issue("NOT_A_FILE") }, "NOT_A_FILE", "skip"],
    ["what is neither file nor folder", { ...file("a"), kind: "other" }, "NOT_A_FILE", "skip"],
    [
      "no right to read",
      file("a", { issue: issue("SOURCE_ACCESS_DENIED") }),
      "SOURCE_ACCESS_DENIED",
      "fail",
    ],
    [
      "a name in another case",
      file("A", { issue: issue("NAME_CASE_COLLISION") }),
      "NAME_CASE_COLLISION",
      "fail",
    ],
  ];

  it.each(refused)("%s", (_what, entry, code, action) => {
    const item = only(entry);
    expect(item).toMatchObject({ action, issue: { code, message: expect.any(String) } });
    expect(item).not.toHaveProperty("id");
  });

  it("Forms is a name like any other below a destination folder", () => {
    const below = target({ folders: [{ path: "Archive" }] });
    expect(only(folder("Forms"), { target: below }).action).toBe("migrate");
    expect(only(file("a/Forms")).action).toBe("migrate");
  });

  it("the destination folder counts for the length of a path", () => {
    const path = "p".repeat(240);
    const deep = target({ folders: [{ path: "d".repeat(130) }] });
    expect(only(file(path)).action).toBe("migrate");
    expect(only(file(path), { target: deep }).issue?.code).toBe("PATH_TOO_LONG");
  });

  it("the walk's own finding comes before the rules", () => {
    const entry = file("a:b", { issue: issue("SOURCE_ACCESS_DENIED") });
    expect(only(entry).issue?.code).toBe("SOURCE_ACCESS_DENIED");
  });
});

describe("below a folder that is refused", () => {
  it("everything fails with the folder's name, however deep", () => {
    const { items } = plan([folder("a:"), file("a:/f"), folder("a:/g"), file("a:/g/h"), file("b")]);
    expect(items.map(({ issue }) => issue?.code)).toEqual([
      "NAME_INVALID_CHARACTERS",
      "PARENT_NOT_MIGRATED",
      "PARENT_NOT_MIGRATED",
      "PARENT_NOT_MIGRATED",
      undefined,
    ]);
    expect(items[3]?.issue?.message).toContain("a:/g");
  });

  it("also when the folder came with an earlier segment", () => {
    const open = [
      folder("a"),
      folder("a/b", { issue: issue("NAME_CASE_COLLISION") }),
      folder("a/b/c"),
    ];
    const { items, above } = plan([file("a/b/c/f"), file("a/g")], { open });
    expect(items.map(({ action }) => action)).toEqual(["fail", "migrate"]);
    expect(above.map(({ path }) => path)).toEqual(["a"]);
  });
});

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

describe("filters", () => {
  const settings = (more: Partial<Settings>) => ({
    settings: settingsSchema.parse(more),
  });

  it("leave out an item and whatever is below a folder, with the same code", () => {
    const { items } = plan(
      [folder(".git"), file(".git/config"), folder(".git/a"), file(".git/a/b"), file("c.TMP")],
      settings({ migrateHidden: false, excludeExtensions: "tmp" }),
    );
    expect(items.map(({ action }) => action)).toEqual(Array(5).fill("skip"));
    expect(items.map(({ issue }) => issue?.code)).toEqual([
      ...Array(4).fill("FILTERED_HIDDEN"),
      "FILTERED_EXTENSION",
    ]);
  });

  it("count below a folder that came with an earlier segment", () => {
    const { items, above } = plan([file("Old/deep/a")], {
      open: [folder("Old"), folder("Old/deep")],
      ...settings({ excludeFolders: ["old"] }),
    });
    expect(items[0]).toMatchObject({ action: "skip", issue: { code: "FILTERED_FOLDER" } });
    expect(above).toEqual([]);
  });

  it("come before what the source or SharePoint refuses", () => {
    const bad = file("a:.tmp", { issue: issue("SOURCE_ACCESS_DENIED") });
    expect(only(bad, settings({ excludeNames: ["*.tmp"] })).issue?.code).toBe("FILTERED_NAME");
  });

  it("forget nothing that has arrived before", () => {
    const earlier = earlierRound(file("a.tmp"));
    const item = only(file("a.tmp"), { earlier, ...settings({ excludeExtensions: "TMP" }) });
    expect(item).toMatchObject({ action: "skip", intId: 77, arrived: { round: 0 } });
    const [outcome] = packageOutcomes({ items: [item], above: [] }, undefined, () => undefined, {
      ...{ round: 1, segment: 0 },
    });
    expect(
      only(file("a.tmp"), { earlier: new Map([["a.tmp", outcome as Outcome]]) }),
    ).toMatchObject({ action: "skip", issue: { code: "UNCHANGED" } });
  });
});

describe("names with invalid characters", () => {
  const replace = { settings: settingsSchema.parse({ invalidCharacters: "replace" }) };
  const tries = { settings: settingsSchema.parse({ invalidCharacters: "try" }) };

  it("are replaced name by name, and identity is that of the new path", () => {
    const { items } = plan([folder("a:"), folder("a:/b"), file("a:/b/c?.txt")], replace);
    expect(items.map(({ destinationPath }) => destinationPath)).toEqual([
      ...["a_", "a_/b", "a_/b/c_.txt"],
    ]);
    expect(items[2]).toMatchObject({ action: "migrate", ...itemIds(target(), "a_/b/c_.txt") });
    expect(only(file("fine"), replace)).not.toHaveProperty("destinationPath");
  });

  it("are replaced below folders of an earlier segment", () => {
    const { items, above } = plan([file("a:/c")], { open: [folder("a:")], ...replace });
    expect(above[0]).toMatchObject({ destinationPath: "a_", id: itemIds(target(), "a_").id });
    expect(items[0]).toMatchObject({ destinationPath: "a_/c", action: "migrate" });
  });

  it("keep the name and the id they arrived under, whatever the setting says later", () => {
    const [first] = plan([folder("a:")], replace).items;
    const arrived = { modified: NOON, size: 0, round: 0 };
    const outcome = { ...first, result: "migrated", package: 0, arrived } as unknown as Outcome;
    const later = plan([folder("a:"), file("a:/b:")], {
      earlier: new Map([["a:", outcome]]),
      settings: settingsSchema.parse({ invalidCharacters: "replace", replacementCharacter: "-" }),
    });
    expect(later.items[0]).toMatchObject({ issue: { code: "UNCHANGED" }, destinationPath: "a_" });
    expect(later.items[1]).toMatchObject({ action: "migrate", destinationPath: "a_/b-" });
    const skipping = plan([folder("a:"), file("a:/b")], { earlier: new Map([["a:", outcome]]) });
    expect(skipping.items[1]).toMatchObject({ action: "migrate", destinationPath: "a_/b" });
  });

  it("fail still when another rule is broken", () => {
    expect(only(file("CON"), replace).issue?.code).toBe("NAME_RESERVED");
    expect(only(file("a\ud800:"), replace).issue?.code).toBe("NAME_NOT_UNICODE");
  });

  it("are tried as they are, but never more than SharePoint has patience for", () => {
    const entries = [folder("x:"), ...Array.from({ length: 99 }, (_, n) => file(`x:/f${n}`))];
    const { items } = plan([...entries, file("y ")], tries);
    const actions = items.map(({ action }) => action);
    expect(actions.slice(0, 90)).toEqual(Array(90).fill("migrate"));
    expect(actions.slice(90)).toEqual(Array(11).fill("fail"));
    expect(items.at(-1)?.issue?.code).toBe("TOO_MANY_INVALID_NAMES");
    expect(items[0]).not.toHaveProperty("destinationPath");
    expect(only(file("a\u0007"), tries).issue?.code).toBe("NAME_INVALID_CHARACTERS");
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

describe("scanning only", () => {
  const scanOnly = { settings: settingsSchema.parse({ scanOnly: true }) };

  it("says what would happen and makes nothing known", () => {
    const { items } = plan([folder("a"), file("a/b"), file("c:")], scanOnly);
    expect(items.map(({ action, issue }) => [action, issue?.code])).toEqual([
      ["skip", "SCAN_ONLY"],
      ["skip", "SCAN_ONLY"],
      ["fail", "NAME_INVALID_CHARACTERS"],
    ]);
    expect(items[1]).not.toHaveProperty("id");
  });

  it("knows what earlier rounds brought", () => {
    const earlier = earlierRound(file("a"));
    expect(only(file("a"), { earlier, ...scanOnly }).issue?.code).toBe("UNCHANGED");
    const newer = only(file("a", { modified: NOON + 1 }), { earlier, ...scanOnly });
    expect(newer).toMatchObject({ issue: { code: "SCAN_ONLY" }, arrived: { round: 0 } });
  });
});

describe("any segment", () => {
  const name = fc.oneof(
    fc.constantFrom("a", "b", "c", "Forms", "x:y", " s", "dot.", "con"),
    fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !text.includes("/")),
  );
  const entry = fc
    .record({
      names: fc.array(name, { minLength: 1, maxLength: 4 }),
      isFolder: fc.boolean(),
      modified: fc.constantFrom(NOON, NOON + 1, -80 * YEAR),
      broken: fc.boolean(),
    })
    .map(({ names, isFolder, modified, broken }) =>
      (isFolder ? folder : file)(names.join("/"), {
        modified,
        ...(broken && { issue: issue("METADATA_UNREADABLE") }),
      }),
    );
  /** A walk as the agent makes it: every folder before what is in it, each path once. */
  const walk = fc.array(entry, { maxLength: 25 }).map((found) => {
    const all = new Map<string, InventoryEntry>();
    for (const each of found) {
      for (let up = parentOf(each.path); up; up = parentOf(up)) all.set(up, folder(up));
      if (!all.has(each.path)) all.set(each.path, each);
    }
    return [...all.values()].sort((a, b) => comparePaths(a.path, b.path));
  });

  it("has one decision per entry, in order, and none that a folder above contradicts", () => {
    fc.assert(
      fc.property(walk, fc.nat(24), (entries, cut) => {
        const later = entries.slice(cut);
        const first = later[0];
        const open = entries
          .slice(0, cut)
          .filter(({ path, kind }) => kind === "folder" && first?.path.startsWith(`${path}/`));
        const made = plan(later, { open });
        expect(planSchema.parse(made)).toEqual(made);
        expect(made.items.map(({ path }) => path)).toEqual(later.map(({ path }) => path));
        const migrated = new Set([
          ...made.above.map(({ path }) => path),
          ...made.items.filter(({ action }) => action === "migrate").map(({ path }) => path),
        ]);
        const ids = new Set<string>();
        for (const item of made.items) {
          if (item.action === "migrate") {
            const parent = parentOf(item.path);
            if (parent) expect(migrated).toContain(parent);
            for (const id of [item.id, item.listItemId]) {
              expect(ids).not.toContain(id);
              ids.add(id as string);
            }
          } else expect(item.issue).toBeDefined();
        }
        expect(plan(later, { open })).toEqual(made);
      }),
      { numRuns: 300 },
    );
  });
});
