/** What lies in blob storage after a migration, opened by code that shares nothing with what wrote it. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { validateXML } from "xmllint-wasm";
import { filesHolding, spellings } from "./support/byte-search.ts";
import { repository, requireCode, startCommand } from "./support/command.ts";
import { watchKeys } from "./support/package-keys.ts";
import { listContainers, md5, quickXorHash, type StoredBlob } from "./support/package-reader.ts";
import {
  archives,
  manifestFiles,
  membersOf,
  openContent,
  readPackages,
  type StoredPackage,
} from "./support/packages.ts";
import { openData } from "./support/storage.ts";
import { contentHash, walk } from "./support/tree.ts";
import { pseudoRandom } from "./support/ugly-tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrate,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

const SCHEMAS = {
  "ExportSettings.xml": "ms-docs-constrained/DeploymentExportSettings.xsd",
  "LookupListMap.xml": "primepf-transcribed/DeploymentLookupListMap.xsd",
  "Manifest.xml": "ms-docs-constrained/DeploymentManifest.compilable.xsd",
  "Requirements.xml": "primepf-transcribed/DeploymentRequirements.xsd",
  "RootObjectMap.xml": "ms-docs-constrained/DeploymentRootObjectMap.xsd",
  "SystemData.xml": "primepf-transcribed/DeploymentSystemData.xsd",
  "UserGroup.xml": "primepf-transcribed/DeploymentUserGroupMap.xsd",
  "ViewFormsList.xml": "primepf-transcribed/DeploymentViewFormsList.xsd",
} as const;
const MANIFESTS = Object.keys(SCHEMAS);
let workspace: Workspace;
let run: Migrated;
let packages: StoredPackage[];
let containers: { named: string[]; stored: string[] };
/** What start and the parts said while this test looked. */
let said: string;

beforeAll(async () => {
  workspace = makeWorkspace();
  await makeSource(workspace.source);
  const keys = watchKeys(workspace.data);
  run = await migrate(workspace);
  const wrapped = await keys.stop();
  requireCode(run, 0);
  const parts = startCommand("start", ["--data", workspace.data, "--agents", "1"]);
  try {
    await parts.says(/Longshore is running/);
    const open = openData(workspace.data);
    packages = await readPackages(open, wrapped);
    containers = {
      named: packages.flatMap(({ containers }) => Object.values(containers)).sort(),
      stored: (await listContainers(open.blobs))
        .filter((name) => name.startsWith(run.json.task.id))
        .sort(),
    };
  } finally {
    parts.child.kill("SIGTERM");
    await parts.ended;
  }
  said = parts.said();
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

/** Archives of both kinds that are full and blobs beside them; sizes around the block of the cipher; several packages. */
async function makeSource(source: string): Promise<void> {
  const files: [string, number][] = [
    ...Array.from({ length: 260 }, (_, n): [string, number] => [`Archives/a ${n}.bin`, 95_000]),
    ...Array.from({ length: 240 }, (_, n): [string, number] => [`Small/${n % 3}/ü ${n}.txt`, n]),
    ["Large/100 KB.bin", 102_400],
    ["Large/1 MB.bin", 1_048_576],
    ["Large/20 MB.bin", 20_000_003],
    ["=1+1 & 'b' \u{1f680}.txt", 1_000],
  ];
  for (const [index, [path, size]] of files.entries()) {
    await mkdir(dirname(join(source, path)), { recursive: true });
    await writeFile(join(source, path), pseudoRandom(size, index));
  }
}

const text = (blob: StoredBlob | undefined) => blob?.plain.toString("utf8") ?? "";
const blobsOf = ({ data, manifests }: StoredPackage) => [...data.values(), ...manifests.values()];
describe("the containers", () => {
  it("are two for every package, and no others", () => {
    expect(packages.length).toBeGreaterThanOrEqual(3);
    expect(containers.stored).toEqual(containers.named);
  });

  it("hold blobs with an IV of their own, the MD5 of the ciphertext and one snapshot", () => {
    const all = packages.flatMap(blobsOf);
    const problems = all.filter(
      ({ iv, cipher, contentMd5, snapshots }) =>
        iv.length !== 16 || contentMd5 !== md5(cipher) || snapshots !== 1,
    );
    expect(problems.map(({ name }) => name)).toEqual([]);
    expect(new Set(all.map(({ iv }) => iv.toString("hex"))).size).toBe(all.length);
  });

  it("have a content key each", () => {
    expect(new Set(packages.map(({ key }) => key.toString("hex"))).size).toBe(packages.length);
    for (const { key, left } of packages) {
      expect(key.length).toBe(32);
      expect(left).toBeUndefined();
    }
  });

  it("got SharePoint's log of the import, which the key opens, too", () => {
    for (const { logs } of packages) expect(logs.map(text).join("")).toContain("JobEnd");
  });
});

describe("the manifests", () => {
  it("are the eight, and ArchivedFiles.xml where there are archives", () => {
    for (const each of packages) {
      const hasArchives = [...each.data.keys()].some((name) => name.endsWith(".zip"));
      const expected = [...MANIFESTS, ...(hasArchives ? ["ArchivedFiles.xml"] : [])];
      expect([...each.manifests.keys()].sort()).toEqual(expected.sort());
    }
  });

  it.each(Object.entries(SCHEMAS))("%s is valid by %s", async (name, schema) => {
    const folder = join(repository, "test/fixtures/migration-package/xsd");
    const { valid, errors } = await validateXML({
      xml: packages.map(({ manifests }, index) => ({
        fileName: `${index}.xml`,
        contents: text(manifests.get(name)),
      })),
      schema: await readFile(join(folder, schema), "utf8"),
    });
    expect(errors).toEqual([]);
    expect(valid).toBe(true);
  });

  it("name every file of the source once, with its size and modified time", () => {
    const named = packages.flatMap(manifestFiles).map(({ url, size, modified }) => ({
      path: url.replace(/^\/sites\/[^/]+\/Shared Documents\//, ""),
      size,
      modified,
    }));
    const files = [...walk(workspace.source).values()].filter(({ kind }) => kind === "file");
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    expect(named.sort(byPath)).toEqual(
      files
        .map(({ path, size, modified }) => ({
          path,
          size,
          modified: new Date(modified * 1000).toISOString().slice(0, 19),
        }))
        .sort(byPath),
    );
  });
});

describe("the contents", () => {
  it("are those of the source, as blobs and as members of archives", async () => {
    const { site } = siteOf(packages[0]?.manifests.get("Manifest.xml"));
    const problems: string[] = [];
    let archived = 0;
    for (const each of packages) {
      const members = await membersOf(each);
      for (const file of manifestFiles(each)) {
        if (members.has(file.fileValue)) archived++;
        const plain = openContent(each, members, file);
        const path = join(workspace.source, file.url.slice(site.length));
        if (!plain?.equals(readFileSync(path))) problems.push(file.url);
      }
      // Nothing is in storage that no manifest names.
      const values = manifestFiles(each).map(({ fileValue }) => fileValue);
      const zips = archives(each).map(({ name }) => name);
      expect([...each.data.keys(), ...members.keys()].sort()).toEqual([...values, ...zips].sort());
    }
    expect(problems).toEqual([]);
    expect(archived).toBeGreaterThan(400);
    expect(packages.flatMap(manifestFiles).length - archived).toBeGreaterThan(30);
  });

  it("have archives of at most 10 MB, two in a package, with the checksum of what is stored", () => {
    const sizes = packages.map((each) =>
      archives(each).map(({ name, checksum }) => {
        const cipher = each.data.get(name)?.cipher ?? Buffer.alloc(0);
        expect(checksum).toBe(quickXorHash(cipher));
        return cipher.length;
      }),
    );
    for (const each of sizes) expect(each.length).toBeLessThanOrEqual(2);
    expect(Math.max(...sizes.flat())).toBeLessThanOrEqual(10 * 1024 * 1024);
    // The test means something: there is a package whose archives are both full.
    expect(sizes.some((each) => each.length === 2 && Math.min(...each) > 9_000_000)).toBe(true);
  });

  it("members of archives have an IV of their own, and under 100 KB", async () => {
    const ivs = packages.flatMap(manifestFiles).map(({ iv }) => iv.toString("hex"));
    expect(new Set(ivs).size).toBe(ivs.length);
    for (const each of packages)
      for (const [, content] of await membersOf(each)) expect(content.length).toBeLessThan(102_400);
  });

  it("arrived", () => {
    const library = walk(workspace.library);
    for (const { path, kind, full } of walk(workspace.source).values())
      if (kind === "file")
        expect(contentHash(library.get(path)?.full ?? "")).toBe(contentHash(full));
  });
});

describe("secrets", () => {
  it("the content keys lie nowhere in the data folder, not even wrapped when all is over", () => {
    const wrapped = packages.map((each) => Buffer.from(each.wrapped));
    expect(filesHolding(workspace.data, wrapped)).toEqual([]);
    const needles = packages.flatMap(({ key }) => spellings(key));
    expect(filesHolding(workspace.data, needles)).toEqual([]);
  });

  it("no log and no command says a SAS signature, a key or another secret", () => {
    const logs = join(workspace.data, "logs");
    const readJson = (name: string) =>
      JSON.parse(readFileSync(join(workspace.data, name), "utf8")) as Record<string, string>;
    const { storageAccount: _, ...secrets } = readJson("secrets.json");
    const keys = readJson("functions-host/keys.json");
    const words = [...Object.values(secrets), ...Object.values(keys), "sig=", "SharedAccessKey="];
    expect(words.length).toBeGreaterThanOrEqual(8);
    const needles = words.flatMap((word) => [word, encodeURIComponent(word)]);
    expect(
      filesHolding(
        logs,
        needles.map((word) => Buffer.from(word)),
      ),
    ).toEqual([]);
    for (const word of needles) expect(run.stdout + run.stderr).not.toContain(word);
    // Start shows the admin key on purpose, and that one alone.
    for (const word of needles.filter((each) => each !== keys.default))
      expect(said).not.toContain(word);
  });

  it("no signature lies in the task hub or among the messages", () => {
    for (const folder of ["functions-host", "service-bus", "agents"]) {
      expect(existsSync(join(workspace.data, folder))).toBe(true);
      expect(filesHolding(join(workspace.data, folder), [Buffer.from("sig=")])).toEqual([]);
    }
  });
});

/** Server-relative path of the library, with a slash at its end. */
function siteOf(manifest: StoredBlob | undefined): { site: string } {
  const [site = ""] = /\/sites\/[^/"]+\/Shared Documents\//.exec(text(manifest)) ?? [];
  return { site };
}
