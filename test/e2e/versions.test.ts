/**
 * Older versions of files, from the snapshots of a share to the version history at SharePoint: what was there is written down here,
 * by hand, and compared with the library, with SharePoint's record and with the packages, opened.
 */
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { validateXML } from "xmllint-wasm";
import { repository } from "./support/command.ts";
import { readCsv } from "./support/csv.ts";
import { type WrappedKey, watchKeys } from "./support/package-keys.ts";
import {
  archives,
  manifestFiles,
  membersOf,
  openContent,
  readPackages,
  type StoredPackage,
} from "./support/packages.ts";
import { pathOf, readReports } from "./support/reports.ts";
import {
  downloadReports,
  ended,
  type Json,
  type Running,
  startRunning,
  startTask,
} from "./support/running.ts";
import { openData } from "./support/storage.ts";
import { pseudoRandom } from "./support/ugly-tree.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

/** A content, and the hour it was written in. */
type Content = [hour: number, content: string | Buffer];
const at = (hour: number) => Date.UTC(2026, 2, 1, hour) / 1000;
const large = (seed: number): Content => [seed, pseudoRandom(250_000 + seed, seed)];

/** What a file was at 10, 11 and 12 o'clock, when snapshots were taken, and what it is now; "" where there was none. */
type Past = [Content | "", Content | "", Content | "", Content | ""];
const SHARE: Record<string, Past> = {
  "changed.txt": [
    [7, "one"],
    [10.5, "two, longer"],
    [11.5, "three"],
    [14, "four"],
  ],
  "never changed.txt": [
    [7, "same"],
    [7, "same"],
    [7, "same"],
    [7, "same"],
  ],
  "appeared/later & 'here' ü.txt": ["", [10.5, "first"], [10.5, "first"], [13, "second"]],
  "vanished.txt": [[7, "gone"], [10.5, "gone, too"], "", ""],
  "came back.txt": [[7, "before"], "", [11.5, "again"], [13, "and again"]],
  "new.txt": ["", "", "", [13, "new"]],
  "only touched.txt": [
    [7, "alike"],
    [7, "alike"],
    [7, "alike"],
    [13, "alike"],
  ],
  "emptied.txt": [
    [7, "full"],
    [7, "full"],
    [7, "full"],
    [13, ""],
  ],
  "large.bin": [large(7), large(7), large(11), large(13)],
};
/** With two versions of each file: what the library gets of each, the current content last. */
const ARRIVES: Record<string, Content[]> = {
  "changed.txt": [
    [10.5, "two, longer"],
    [11.5, "three"],
    [14, "four"],
  ],
  "never changed.txt": [[7, "same"]],
  "appeared/later & 'here' ü.txt": [
    [10.5, "first"],
    [13, "second"],
  ],
  "came back.txt": [
    [7, "before"],
    [11.5, "again"],
    [13, "and again"],
  ],
  "new.txt": [[13, "new"]],
  "only touched.txt": [
    [7, "alike"],
    [13, "alike"],
  ],
  "emptied.txt": [
    [7, "full"],
    [13, ""],
  ],
  "large.bin": [large(7), large(11), large(13)],
};
const SNAPSHOTS = ["hourly.2026-03-01_1000", "hourly.2026-03-01_1100", "hourly.2026-03-01_1200"];

let workspace: Workspace;
let running: Running;
let task: string;

const put = (folder: string, path: string, [hour, content]: Content) => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  utimesSync(file, at(hour), at(hour));
};

function makeShare(source: string): void {
  for (const [path, past] of Object.entries(SHARE))
    for (const [index, content] of past.entries()) {
      const folder = SNAPSHOTS[index] ? join(source, ".snapshot", SNAPSHOTS[index]) : source;
      if (content) put(folder, path, content);
    }
}

/** What SharePoint has on record, by path. */
async function record(): Promise<Map<string, Json>> {
  const { origin, pathname } = new URL(running.siteUrl);
  const query = `site=${pathname.split("/").at(-1)}&list=Documents`;
  const answer = await fetch(`${origin}/_simulator/items?${query}`);
  const lines = (await answer.text()).split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map((item) => [item.path, item]));
}
async function items(round: number): Promise<Map<string, Json>> {
  const { items: all } = await running.call(
    "GET",
    `tasks/${task}/rounds/${round}/items?limit=1000`,
  );
  return new Map(all.map((item: Json) => [item.path, item]));
}
const iso = (hour: number) => new Date(at(hour) * 1000).toISOString();
const seconds = (hour: number) => iso(hour).slice(0, 19);
const size = (content: string | Buffer) => Buffer.byteLength(content);
/** As the record has them. */
const history = (contents: Content[]) =>
  contents.map(([hour, content], index) => ({
    ...{ label: `${index + 1}.0`, size: size(content), modified: iso(hour) },
  }));
/** What a round that brings the contents says of the sizes: those of the current ones. */
const currentBytes = (of: Record<string, Content[]>) =>
  Object.values(of).reduce((sum, contents) => sum + size((contents.at(-1) as Content)[1]), 0);

async function expectLibrary(contents: Record<string, Content[]>): Promise<void> {
  const found = await record();
  const files = [...found.values()].filter(({ kind }) => kind === "file");
  expect(files.map(({ path }) => path).sort()).toEqual(Object.keys(contents).sort());
  for (const [path, versions] of Object.entries(contents)) {
    const [, current] = versions.at(-1) as Content;
    expect(readFileSync(join(workspace.library, path)).equals(Buffer.from(current))).toBe(true);
    const item = found.get(path);
    expect(item).toMatchObject({ version: `${versions.length}.0`, size: size(current) });
    expect({ path, versions: item.versions }).toMatchObject({ path, versions: history(versions) });
  }
}

/** Opens everything that the manifests of packages name, and compares it with what was there. */
async function expectPackages(
  packages: readonly StoredPackage[],
  contents: Record<string, Content[]>,
  listed: "all" | "older",
): Promise<void> {
  const named: string[] = [];
  for (const each of packages) {
    const members = await membersOf(each);
    const values = new Set<string>();
    for (const file of manifestFiles(each)) {
      const path = file.url.replace(/^\/sites\/[^/]+\/Shared Documents\//, "");
      named.push(path);
      const expected = contents[path] as Content[];
      const older = expected.slice(0, -1);
      const inHistory = older.length === 0 ? [] : listed === "all" ? expected : older;
      const shown = (of: typeof file.versions) =>
        of.map(({ label, size: bytes, modified }) => ({ label, bytes, modified }));
      const asWritten = (of: Content[]) =>
        of.map(([hour, content], index) => ({
          ...{ label: `${index + 1}.0`, bytes: size(content), modified: seconds(hour) },
        }));
      expect({ path, shown: shown(file.versions) }).toEqual({ path, shown: asWritten(inHistory) });
      expect(shown([file])).toEqual(asWritten(expected).slice(-1));
      for (const [index, [, content]] of [...inHistory, expected.at(-1) as Content].entries()) {
        const plain = openContent(each, members, file.versions[index] ?? file);
        expect({ path, index, same: plain?.equals(Buffer.from(content)) }).toEqual({
          path,
          index,
          same: true,
        });
      }
      for (const { fileValue } of [file, ...file.versions]) values.add(fileValue);
    }
    // Nothing is in storage that no manifest names, and every content has an IV of its own.
    const zips = archives(each).map(({ name }) => name);
    expect([...each.data.keys(), ...members.keys()].sort()).toEqual([...values, ...zips].sort());
    expect(
      archives(each)
        .flatMap((archive) => archive.members)
        .sort(),
    ).toEqual([...members.keys()].sort());
    const blobs = [...each.data.values(), ...each.manifests.values()];
    expect(new Set(blobs.map(({ iv }) => iv.toString("hex"))).size).toBe(blobs.length);
  }
  expect(named.sort()).toEqual(Object.keys(contents).sort());
}

const SCHEMAS = [
  "ms-docs-constrained/DeploymentManifest.compilable.xsd",
  "ms-2013-full/DeploymentManifest.xsd",
];
async function expectValid(packages: readonly StoredPackage[]): Promise<void> {
  for (const schema of SCHEMAS) {
    const { errors } = await validateXML({
      xml: packages.map(({ manifests }, index) => ({
        fileName: `${index}.xml`,
        contents: manifests.get("Manifest.xml")?.plain.toString("utf8") ?? "",
      })),
      schema: readFileSync(join(repository, "test/fixtures/migration-package/xsd", schema), "utf8"),
    });
    expect(errors).toEqual([]);
  }
}

/** Every id that a manifest gives a content, by the path of the file and when the content was written. */
const idsOf = (packages: readonly StoredPackage[]) =>
  new Map(
    packages
      .flatMap(manifestFiles)
      .flatMap((file) => [
        [file.url, file.id] as const,
        ...file.versions.map(({ modified, id }) => [`${file.url} ${modified}`, id] as const),
      ]),
  );

describe.each(["all", "older"] as const)(
  "with versions, the manifest listing %s of them",
  (listed) => {
    let watching: ReturnType<typeof watchKeys>;
    let keys: Map<string, WrappedKey>;
    let packages: StoredPackage[];

    beforeAll(async () => {
      workspace = makeWorkspace();
      makeShare(workspace.source);
      watching = watchKeys(workspace.data);
      running = await startRunning(workspace, { MANIFEST_VERSIONS: listed });
      // Packages of a few contents: a file with all its versions is never divided.
      task = await startTask(running, workspace.source, {
        settings: { fileVersions: 2, packageItems: 5 },
      });
      expect(await ended(running, task)).toMatchObject({ state: "Completed" });
    }, 300_000);
    afterAll(async () => {
      await watching?.stop();
      await running?.stop();
      if (workspace) await removeWorkspace(workspace);
    });

    it("brings the newest two of each file, and the current content as what the file is", async () => {
      await expectLibrary(ARRIVES);
    });

    it("counts files, and says how many versions each has", async () => {
      const { round } = await running.call("GET", `tasks/${task}`);
      expect(round.scanned.bytes).toBe(currentBytes(ARRIVES));
      for (const stage of ["packaged", "uploaded", "imported"])
        expect(round[stage]).toEqual({ items: round.scanned.items, bytes: round.scanned.bytes });
      expect(round.migrated).toEqual({
        items: Object.keys(ARRIVES).length + 1,
        bytes: currentBytes(ARRIVES),
      });
      expect(round).not.toHaveProperty("warnings");
      const shown = await items(0);
      for (const [path, contents] of Object.entries(ARRIVES)) {
        const { versions = 0, size: bytes, result, code } = shown.get(path);
        expect({ path, versions, bytes, result, code }).toEqual({
          ...{ path, versions: contents.length - 1, code: undefined },
          ...{ bytes: size((contents.at(-1) as Content)[1]), result: "migrated" },
        });
      }
    });

    it("does not take the snapshots for documents", async () => {
      const reports = readReports(await downloadReports(running, workspace, task, 0), 0);
      const rows = reports.rows("ItemReport").filter((row) => row.Status !== "Migrated");
      expect(rows.map((row) => pathOf(row, workspace.source))).toEqual([".snapshot"]);
      expect(rows[0]?.Message).toMatch(/^SNAPSHOT_FOLDER: /);
      expect(reports.files).not.toContain("Warnings_R0.csv");
    });

    it("has every content in the packages, encrypted, in archives and as blobs, named as the schemas want it", async () => {
      keys = await watching.stop();
      packages = await readPackages(openData(workspace.data), keys);
      expect(packages.length).toBeGreaterThanOrEqual(3);
      await expectPackages(packages, ARRIVES, listed);
      await expectValid(packages);
      expect(packages.flatMap(archives).length).toBeGreaterThan(0);
      const ids = packages
        .flatMap(manifestFiles)
        .flatMap((file) => [file, ...file.versions])
        .map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    });

    it("brings a file that changes again, with the versions that there are by then", async () => {
      const { source } = workspace;
      // A snapshot was taken at 15, the oldest one is gone, one file has changed since, and one is new.
      cpSync(source, join(workspace.root, "15"), {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => !path.includes(".snapshot"),
      });
      renameSync(join(workspace.root, "15"), join(source, ".snapshot", "hourly.2026-03-01_1500"));
      rmSync(join(source, ".snapshot", SNAPSHOTS[0] as string), { recursive: true });
      put(source, "changed.txt", [16, "five"]);
      put(source, "large.bin", [16, "large no more"]);
      put(source, "newer.txt", [16, "newer"]);
      const brought: Record<string, Content[]> = {
        "changed.txt": [
          [11.5, "three"],
          [14, "four"],
          [16, "five"],
        ],
        "large.bin": [large(11), large(13), [16, "large no more"]],
        "newer.txt": [[16, "newer"]],
      };
      const before = await record();
      watching = watchKeys(workspace.data);
      await running.call("POST", `tasks/${task}/run`);
      expect(await ended(running, task)).toMatchObject({
        ...{ state: "Completed", round: { number: 1, migrated: { items: 3 } } },
      });
      await expectLibrary({ ...ARRIVES, ...brought });
      for (const [path, { id, importCount }] of await record()) {
        expect({ path, importCount }).toEqual({
          path,
          importCount: before.has(path) && path in brought ? 2 : 1,
        });
        if (before.has(path)) expect(id).toBe(before.get(path).id);
      }
      expect((await items(1)).get("large.bin")).toMatchObject({ versions: 2, result: "migrated" });
      expect((await items(1)).get("came back.txt")).toMatchObject({
        result: "skipped",
        code: "UNCHANGED",
      });

      const earlier = new Set(packages.map(({ containers }) => containers.data));
      const all = new Map([...keys, ...(await watching.stop())]);
      const fresh = (await readPackages(openData(workspace.data), all)).filter(
        ({ containers }) => !earlier.has(containers.data),
      );
      await expectPackages(fresh, brought, listed);
      await expectValid(fresh);
      // A content that was there before has the id it had.
      const [old, now] = [idsOf(packages), idsOf(fresh)];
      const again = [...now].filter(([content]) => old.has(content));
      expect(again.length).toBeGreaterThanOrEqual(4);
      for (const [content, id] of again) expect([content, id]).toEqual([content, old.get(content)]);
    }, 300_000);
  },
);

describe("without snapshots", () => {
  beforeAll(async () => {
    workspace = makeWorkspace();
    put(workspace.source, "a.txt", [7, "alone"]);
    running = await startRunning(workspace);
    task = await startTask(running, workspace.source, { settings: { fileVersions: 2 } });
  }, 300_000);
  afterAll(async () => {
    await running?.stop();
    if (workspace) await removeWorkspace(workspace);
  });

  it("brings files as they are, and says that versions were not to be had", async () => {
    const { state, round } = await ended(running, task);
    expect(state).toBe("Completed");
    expect(round.migrated.items).toBe(1);
    expect(round.warnings).toMatchObject([{ code: "NO_SNAPSHOTS" }]);
    await expectLibrary({ "a.txt": [[7, "alone"]] });
    const folder = await downloadReports(running, workspace, task, 0);
    const { rows } = readCsv(join(folder, "Warnings_R0.csv"));
    expect(rows).toMatchObject([{ Code: "NO_SNAPSHOTS", "Incremental round": "R0" }]);
    const { rounds } = await running.call("GET", `tasks/${task}/rounds`);
    expect(rounds[0].warnings).toMatchObject([{ code: "NO_SNAPSHOTS" }]);
  }, 300_000);
});
