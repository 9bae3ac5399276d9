import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ErrorCode } from "../../../shared/contracts/errors.ts";
import type { InventoryEntry } from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { type Settings, settingsSchema } from "../../../shared/contracts/settings.ts";
import { itemIds } from "../../../shared/package/ids.ts";
import { comparePaths, parentOf } from "../../../shared/rules/paths.ts";
import { earlierRound, issue, only, plan, YEAR } from "../../../test/support/plans.ts";
import { file, folder, NOON, target } from "../../../test/support/records.ts";
import { packageOutcomes } from "./outcomes.ts";
import { planSchema } from "./plan.ts";

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
  // Linux opens paths of 4,096 bytes.
  it("a plan can be read again however long the paths are", () => {
    const long = Array(45).fill("y".repeat(88)).join("/");
    const entries = [folder(long), file(`${long}/f`)];
    const { items } = planSchema.parse(plan(entries));
    expect(items.map(({ issue }) => issue?.code)).toEqual(["PATH_TOO_LONG", "PARENT_NOT_MIGRATED"]);
    const scanned = { settings: settingsSchema.parse({ scanOnly: true, excludeFolders: ["y*"] }) };
    planSchema.parse(plan(entries, scanned));
  });

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
