import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import type { InventoryEntry } from "../../../shared/contracts/inventory.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { itemIds } from "../../../shared/package/ids.ts";
import { writeManifests } from "../../../shared/package/manifest/index.ts";
import { comparePaths, parentOf } from "../../../shared/rules/paths.ts";
import { file, folder, NOON, planInput, target } from "../../../test/support/records.ts";
import type { Target } from "../records.ts";
import { filesToUpload } from "./acceptUpload.ts";
import { packageManifest, sealedItems } from "./packageManifest.ts";
import { type Plan, planSegment } from "./plan.ts";

const where = { source: "/srv/finance", startedAt: NOON };
const planOf = (
  entries: InventoryEntry[],
  { open = [] as InventoryEntry[], earlier = new Map<string, Outcome>(), at = target() } = {},
): Plan => planSegment(planInput({ open, entries, earlier, target: at }));
const uploaded = (index: number, more: Partial<UploadedFile> = {}): UploadedFile =>
  ({
    ...{ status: "uploaded", index, size: 12, modified: NOON + 60_000, blob: `${index}.dat` },
    ...{ iv: "aXY=", md5: "bWQ1", ...more },
  }) as UploadedFile;
const upload = (plan: Plan, more: Partial<UploadResult> = {}): UploadResult => ({
  ...{ kind: "upload", files: filesToUpload(plan).map((index) => uploaded(index)), archives: [] },
  ...more,
});

interface ManifestObject {
  id: string;
  type: string;
  parentId: string;
  url: string;
}

/** The SPObjects of Manifest.xml. */
function objectsOf(input: ReturnType<typeof packageManifest>): ManifestObject[] {
  const xml = writeManifests(input).find(({ name }) => name === "Manifest.xml")?.xml as Buffer;
  const parser = new XMLParser({
    ...{
      ignoreAttributes: false,
      attributeNamePrefix: "",
      parseAttributeValue: false,
      trimValues: false,
    },
    isArray: (name) => name === "SPObject",
  });
  const { SPObject } = parser.parse(xml).SPObjects as { SPObject: Record<string, string>[] };
  return SPObject.map(({ Id, ObjectType, ParentId, Url }) => ({
    ...{ id: Id as string, type: ObjectType as string },
    ...{ parentId: ParentId as string, url: Url as string },
  }));
}

describe("the manifest of a package", () => {
  it("has the QuickXorHash of a file that is large enough to have one", () => {
    const plan = planOf([file("huge"), file("small")]);
    const [huge, small] = [uploaded(0, { checksum: "aGFzaA==" }), uploaded(1)];
    const input = packageManifest(plan, upload(plan, { files: [huge, small] }), target(), where);
    const xml = writeManifests(input).find(({ name }) => name === "Manifest.xml")?.xml;
    expect(`${xml}`.match(/Checksum="[^"]*"/g)).toEqual(['Checksum="aGFzaA=="']);
  });

  it("names a file with the content that was uploaded, not with the one that was scanned", () => {
    const plan = planOf([file("f")]);
    const { files } = packageManifest(plan, upload(plan), target(), where);
    expect(files).toEqual([
      expect.objectContaining({
        ...itemIds(target(), "f"),
        ...{ path: "f", parentId: target().rootFolderId, intId: 1 },
        ...{ size: 12, modified: NOON + 60_000, created: NOON, fileValue: "0.dat" },
      }),
    ]);
  });

  it("leaves out what was not uploaded, and what is skipped, failed or has arrived", () => {
    const plan = planOf([file("a"), file("b"), file("c:"), folder("d"), file("e")]);
    Object.assign(plan.items[1] as object, { action: "arrived" });
    const partial = upload(plan, {
      files: [
        { status: "failed", index: 0, issue: { code: "FILE_VANISHED", message: "gone" } },
        uploaded(4),
      ],
    });
    const { folders, files } = packageManifest(plan, partial, target(), where);
    expect(folders.map(({ path }) => path)).toEqual(["d"]);
    expect(files.map(({ path }) => path)).toEqual(["e"]);
    expect(sealedItems(plan, undefined).files).toEqual([]);
  });

  it("names the folders above its items that come with other packages", () => {
    const open = [folder("a", { modified: NOON + 5_000 }), folder("a/b")];
    const plan = planOf([file("a/b/f")], { open });
    const input = packageManifest(plan, upload(plan), target(), where);
    expect(input.above?.map(({ path, modified }) => [path, modified])).toEqual([
      ["a", NOON + 5_000],
      ["a/b", NOON],
    ]);
    expect(input.folders).toEqual([]);
  });

  it("names no folder above that nothing needs", () => {
    const plan = planOf([file("a/b/f"), file("a/g")], { open: [folder("a"), folder("a/b")] });
    const onlyTheSecond = upload(plan, { files: [uploaded(1)] });
    const { above } = packageManifest(plan, onlyTheSecond, target(), where);
    expect(above?.map(({ path }) => path)).toEqual(["a"]);
  });

  it("names the destination folder where it is missing, as old as the round", () => {
    const at = target({ folders: [{ path: "Old", id: "x-1" }, { path: "Old/New" }] });
    const plan = planOf([file("f")], { at });
    const input = packageManifest(plan, upload(plan), at, where);
    expect(input.above).toEqual([
      expect.objectContaining({
        ...{ path: "Old/New", parentId: "x-1", id: itemIds(at, "Old/New").id },
        ...{ created: NOON, modified: NOON },
      }),
    ]);
    expect(input.files[0]).toMatchObject({
      path: "Old/New/f",
      parentId: itemIds(at, "Old/New").id,
    });
  });

  it("names a folder that an earlier round brought, under the id it has, for what is new in it", () => {
    const id = "11111111-1111-4111-8111-111111111111";
    const [before] = planOf([folder("a")]).items;
    const { action: _action, ...stored } = before as NonNullable<typeof before>;
    const arrived = { modified: NOON, size: 0, round: 0 };
    const outcome: Outcome = { ...stored, id, arrived, package: 0, result: "migrated" };
    const plan = planOf([folder("a"), file("a/new")], { earlier: new Map([["a", outcome]]) });
    const input = packageManifest(plan, upload(plan), target(), where);
    expect(input.folders).toEqual([]);
    expect(input.above).toEqual([expect.objectContaining({ id, path: "a" })]);
    expect(input.files[0]?.parentId).toBe(id);
  });

  it("lists archives with their members", () => {
    const plan = planOf([file("a"), file("b"), file("c")]);
    const archives = [
      { name: "pack0.zip", checksum: "c0==" },
      { name: "pack1.zip", checksum: "c1==" },
    ];
    const files = [
      uploaded(0, { archive: "pack0.zip" }),
      uploaded(1),
      uploaded(2, { archive: "pack1.zip" }),
    ];
    const input = packageManifest(plan, upload(plan, { files, archives }), target(), where);
    expect(input.archives).toEqual([
      { ...archives[0], members: ["0.dat"] },
      { ...archives[1], members: ["2.dat"] },
    ]);
  });
});

describe("any package", () => {
  const name = fc.oneof(
    fc.constantFrom("a", "b", "c", "x:y", "ä & <b>"),
    fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 4 })
      .filter((text) => !text.includes("/")),
  );
  const walk = fc
    .array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean()), {
      maxLength: 30,
    })
    .map((found) => {
      const all = new Map<string, InventoryEntry>();
      for (const [names, isFolder] of found) {
        const path = names.join("/");
        for (let up = parentOf(path); up; up = parentOf(up)) all.set(up, folder(up));
        if (!all.has(path)) all.set(path, (isFolder ? folder : file)(path));
      }
      return [...all.values()].sort((a, b) => comparePaths(a.path, b.path));
    });
  const targets: Target[] = [
    target(),
    target({
      folders: [{ path: "Old", id: "99999999-1111-4111-8111-111111111111" }, { path: "Old/New" }],
    }),
  ];

  it("can be written, and has the parent of every object before the object", () => {
    fc.assert(
      fc.property(
        walk,
        fc.nat(29),
        fc.constantFrom(...targets),
        fc.infiniteStream(fc.nat(5)),
        (entries, cut, at, dice) => {
          const own = entries.slice(cut);
          const open = entries
            .slice(0, cut)
            .filter(({ path, kind }) => kind === "folder" && own[0]?.path.startsWith(`${path}/`));
          const earlier = new Map<string, Outcome>();
          for (const item of planOf(entries, { at }).items) {
            if (!item.id || item.kind !== "folder" || dice.next().value > 0) continue;
            const { action: _action, ...stored } = item;
            const arrived = { modified: NOON, size: 0, round: 0 };
            earlier.set(item.path, { ...stored, arrived, package: 0, result: "migrated" });
          }
          const plan = planOf(own, { open, earlier, at });
          const files = filesToUpload(plan)
            .filter(() => dice.next().value > 0)
            .map((index) => uploaded(index));
          const input = packageManifest(plan, upload(plan, { files }), at, where);
          const placed = new Map([[at.rootFolderId, at.rootFolderUrl]]);
          for (const { path, id } of at.folders)
            if (id) placed.set(id, `${at.rootFolderUrl}/${path}`);
          for (const { id, type, parentId, url } of objectsOf(input)) {
            if (type === "SPListItem" || type === "SPDocumentLibrary" || id === at.rootFolderId)
              continue;
            expect(placed.get(parentId)).toBe(parentOf(url));
            placed.set(id, url);
          }
          expect(input.files).toHaveLength(files.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});
