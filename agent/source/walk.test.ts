import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import { inventoryEntrySchema } from "../../shared/contracts/inventory.ts";
import type { ScanSpec } from "../../shared/contracts/work.ts";
import type { NameSettings } from "../../shared/rules/destinationName.ts";
import { comparePaths } from "../../shared/rules/paths.ts";
import { createLog } from "../log.ts";
import { findHistory } from "./history.ts";
import { walk } from "./walk.ts";

const signal = new AbortController().signal;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "walk-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const file = (path: string, content = "x") => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

async function entries(
  after?: string,
  folder = root,
  names?: NameSettings,
): Promise<InventoryEntry[]> {
  const found: InventoryEntry[] = [];
  for await (const { entry } of walk(folder, { after, names, signal })) found.push(entry);
  return found;
}

const brief = (list: InventoryEntry[]) =>
  list.map(({ path, kind, issue }) => [path, kind, ...(issue ? [issue.code] : [])].join(" "));

describe("walk", () => {
  it("reports everything but the root, depth first in path order", async () => {
    for (const path of [
      "b.txt",
      "a/z.txt",
      "a/b/c.txt",
      "a b/x",
      "a-b",
      "ü",
      "\u{1F600}",
      "\uFF21",
    ])
      file(path, "12345");
    const found = await entries();
    expect(brief(found)).toEqual([
      "a folder",
      "a/b folder",
      "a/b/c.txt file",
      "a/z.txt file",
      "a b folder",
      "a b/x file",
      "a-b file",
      "b.txt file",
      "ü file",
      "\uFF21 file",
      "\u{1F600} file",
    ]);
    expect(found[2]).toMatchObject({ size: 5 });
    for (const entry of found) expect(inventoryEntrySchema.parse(entry)).toEqual(entry);
  });

  it("gives times in milliseconds and says when SharePoint cannot hold one", async () => {
    file("new.txt");
    file("old.txt");
    utimesSync(join(root, "new.txt"), 1_700_000_000.123, 1_700_000_000.123);
    utimesSync(join(root, "old.txt"), -2_208_988_801, -2_208_988_801); // 1899-12-31T23:59:59Z
    const [recent, old] = await entries();
    expect(recent?.modified).toBe(1_700_000_000_123);
    expect(Math.abs((recent?.created ?? 0) - Date.now())).toBeLessThan(60_000);
    // Some file systems cannot hold such a time either and clamp it.
    if ((old?.modified ?? 0) < -2_208_988_800_000)
      expect(old?.issue?.code).toBe("TIME_NOT_SUPPORTED");
  });

  it("reports links, sockets and pipes and follows none of them", async () => {
    file("folder/file.txt");
    symlinkSync("..", join(root, "folder/loop"));
    symlinkSync("/etc", join(root, "etc"));
    symlinkSync("nowhere", join(root, "dangling"));
    expect(spawnSync("mkfifo", [join(root, "pipe")]).status).toBe(0);
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    try {
      expect(brief(await entries())).toEqual([
        "dangling other SYMBOLIC_LINK",
        "etc other SYMBOLIC_LINK",
        "folder folder",
        "folder/file.txt file",
        "folder/loop other SYMBOLIC_LINK",
        "pipe other NOT_A_FILE",
        "socket other NOT_A_FILE",
      ]);
    } finally {
      server.close();
    }
  });

  it("keeps names apart that are not UTF-8, and goes into such folders", async () => {
    const raw = (...parts: (string | Buffer)[]) =>
      Buffer.concat([Buffer.from(`${root}/`), ...parts.map((part) => Buffer.from(part))]);
    const bad = Buffer.from([0x63, 0x61, 0x66, 0xe9]);
    writeFileSync(raw(bad, ".txt"), "1");
    writeFileSync(raw(Buffer.from([0x63, 0x61, 0x66, 0xea]), ".txt"), "22");
    mkdirSync(raw(bad));
    writeFileSync(raw(bad, "/inside.txt"), "333");
    file("zebra.txt");
    const found = await entries();
    const paths = found.map((entry) => entry.path);
    expect(found.map(({ issue, size }) => [issue?.code, size])).toEqual(
      expect.arrayContaining([
        ["NAME_NOT_UNICODE", 1],
        ["NAME_NOT_UNICODE", 2],
        ["NAME_NOT_UNICODE", 0],
        [undefined, 3],
        [undefined, 1],
      ]),
    );
    expect(new Set(paths).size).toBe(5);
    expect(paths).toEqual([...paths].sort(comparePaths));
    expect(paths.filter((path) => path.endsWith("/inside.txt"))).toHaveLength(1);
    expect(paths.every((path) => path === "zebra.txt" || path.startsWith("caf\uFFFD"))).toBe(true);
    expect(await entries()).toEqual(found);
  });

  it("lets the first migratable item have the name when others differ by case only", async () => {
    for (const path of ["A/x", "a/y", "b", "B", "Link/file", "Straße", "STRASSE"]) file(path);
    symlinkSync("Link", join(root, "LINK"));
    expect(brief(await entries())).toEqual([
      "A folder",
      "A/x file",
      "B file",
      "LINK other SYMBOLIC_LINK",
      "Link folder",
      "Link/file file",
      "STRASSE file",
      "Straße file",
      "a folder NAME_CASE_COLLISION",
      "a/y file",
      "b file NAME_CASE_COLLISION",
    ]);
  });

  it("finds names that become one when invalid characters are replaced", async () => {
    const names = { invalidCharacters: "replace", replacementCharacter: "_" } as const;
    for (const path of ["a:b", "a_b", "A?b", "c*", "c?", "d:/x", "D_/y", "e:", "sub/f|"])
      file(path);
    expect(brief(await entries(undefined, root, names))).toEqual([
      // What keeps its name goes before what is renamed, wherever it stands.
      "A?b file NAME_COLLISION",
      "D_ folder",
      "D_/y file",
      "a:b file NAME_COLLISION",
      "a_b file",
      "c* file",
      "c? file NAME_COLLISION",
      "d: folder NAME_COLLISION",
      "d:/x file",
      "e: file",
      "sub folder",
      "sub/f| file",
    ]);
    expect(brief(await entries()).join()).not.toContain("COLLISION");
  });

  it("copes with 300 levels and with 50,000 names in one folder", async () => {
    const deep = Array.from({ length: 300 }, (_, level) => `d${level}`).join("/");
    file(`${deep}/bottom.txt`);
    mkdirSync(join(root, "flat"));
    for (let i = 0; i < 50_000; i++) writeFileSync(join(root, "flat", `file-${i}`), "");
    const found = await entries();
    expect(found).toHaveLength(301 + 50_001);
    expect(found.at(300)?.path).toBe(`${deep}/bottom.txt`);
    const flat = found.slice(302).map((entry) => entry.path);
    expect(flat).toEqual([...flat].sort(comparePaths));
  });

  it("reports what vanishes while it walks", async () => {
    for (let i = 0; i < 200; i++) file(`f${i.toString().padStart(3, "0")}`);
    file("z/file");
    const found: InventoryEntry[] = [];
    for await (const { entry } of walk(root, { signal })) {
      found.push(entry);
      if (found.length === 1)
        for (const name of readdirSync(root).slice(100))
          rmSync(join(root, name), { recursive: true });
    }
    expect(found).toHaveLength(201);
    expect(found.at(-1)).toMatchObject({ path: "z", issue: { code: "FILE_VANISHED" } });
  });

  it("reports a path that is longer than the system can open", async () => {
    const name = "n".repeat(250);
    // Only relative steps can build what no absolute path reaches.
    const script = `for (let i = 0; i < 20; i++) { fs.mkdirSync("${name}"); process.chdir("${name}"); }`;
    expect(spawnSync(process.execPath, ["-e", script], { cwd: root }).status).toBe(0);
    const found = await entries();
    expect(found.at(-1)?.issue?.code).toBe("PATH_TOO_LONG");
    spawnSync("rm", ["-rf", root]);
  });

  it("refuses a root that is not there or is a file", async () => {
    file("file");
    await expect(entries(undefined, join(root, "none"))).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
    await expect(entries(undefined, join(root, "file"))).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
    });
  });

  it("stops with the signal", async () => {
    for (const path of ["a", "b", "c"]) file(path);
    const stop = new AbortController();
    const found: string[] = [];
    await expect(async () => {
      for await (const { entry } of walk(root, { signal: stop.signal })) {
        found.push(entry.path);
        stop.abort(new Error("enough"));
      }
    }).rejects.toThrow("enough");
    expect(found).toEqual(["a"]);
  });

  it("reports what it may not read", () => {
    file("closed/hidden.txt");
    file("listed/hidden.txt");
    file("open.txt");
    chmodSync(join(root, "closed"), 0o000);
    chmodSync(join(root, "listed"), 0o444); // names can be read, nothing else
    chmodSync(root, 0o755);
    const script = `
      import { walk } from ${JSON.stringify(join(import.meta.dirname, "walk.ts"))};
      const signal = new AbortController().signal;
      for await (const { entry } of walk(${JSON.stringify(root)}, { signal }))
        console.log(entry.path, entry.kind, entry.issue?.code ?? "");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
      encoding: "utf8",
    });
    expect(child.stderr).toBe("");
    expect(
      child.stdout
        .trim()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual([
      "closed folder SOURCE_ACCESS_DENIED",
      "listed folder",
      "listed/hidden.txt other SOURCE_ACCESS_DENIED",
      "open.txt file",
    ]);
  });
});

describe("snapshots of the source", () => {
  const past = (path: string, size: number, minutes: number) => {
    file(path, "x".repeat(size));
    const seconds = 1_700_000_000 + minutes * 60;
    utimesSync(join(root, path), seconds, seconds);
  };
  const history = (versions: ScanSpec["versions"] & object, folder = root) =>
    findHistory(versions, { root: folder, roots: [], log: createLog("silent") });

  it("are a row each, and not entered", async () => {
    for (const path of [
      ...[".snapshot/a/f", "b/~snapshot/a/f", "c/.zfs/snapshot/a/f", "c/.snapshots/1/snapshot/f"],
      ...["d/.snapshots/f", ".zfs/f", "#past/a/f"],
    ])
      file(path);
    const found = brief(await entries());
    expect(found).toEqual([
      ...["#past folder", "#past/a folder", "#past/a/f file"],
      ".snapshot folder SNAPSHOT_FOLDER",
      ...[".zfs folder", ".zfs/f file"],
      ...["b folder", "b/~snapshot folder SNAPSHOT_FOLDER"],
      ...["c folder", "c/.snapshots folder SNAPSHOT_FOLDER", "c/.zfs folder SNAPSHOT_FOLDER"],
      ...["d folder", "d/.snapshots folder", "d/.snapshots/f file"],
    ]);
    const asked: InventoryEntry[] = [];
    const { snapshotFolder } = await history({ keep: 1, folder: "#past/*" });
    for await (const { entry } of walk(root, { snapshotFolder, signal })) asked.push(entry);
    expect(brief(asked)).toEqual(["#past folder SNAPSHOT_FOLDER", ...found.slice(3)]);
  });

  it("have older versions of its files", async () => {
    const [old, young] = [".snapshot/daily.2026-01-01_0010", ".snapshot/daily.2026-01-02_0010"];
    past("a/b/changed", 9, 9);
    past(`${old}/a/b/changed`, 1, 1);
    past(`${young}/a/b/changed`, 2, 2);
    past("a/fresh", 1, 9);
    past("moved/here", 1, 1);
    past(`${old}/gone`, 5, 5);
    symlinkSync("a", join(root, "link"));
    past(`${young}/link/b/changed`, 7, 7);
    past("unfit/a", 1, 9);
    past("unfit/A", 2, 9);
    for (const name of ["a", "A"]) past(`${young}/unfit/${name}`, 3, 3);
    const found = async (keep: number, folder = root) => {
      const { past } = await history({ keep }, folder);
      const list: InventoryEntry[] = [];
      for await (const { entry } of walk(folder, { past, signal }))
        list.push(inventoryEntrySchema.parse(entry));
      return list;
    };
    const withVersions = (list: InventoryEntry[]) =>
      list.flatMap(({ path, versions = [] }) =>
        versions.length > 0 ? [[path, ...versions.map(({ size }) => size)]] : [],
      );
    expect(withVersions(await found(5))).toEqual([
      ["a/b/changed", 1, 2],
      ["unfit/A", 3],
    ]);
    expect(withVersions(await found(1))).toEqual([
      ["a/b/changed", 2],
      ["unfit/A", 3],
    ]);
    // The snapshots lie above the source.
    expect(withVersions(await found(5, join(root, "a")))).toEqual([["b/changed", 1, 2]]);
    // Nothing else is another walk than without them.
    const plain = (list: InventoryEntry[]) => list.map(({ versions: _, ...rest }) => rest);
    expect(plain(await found(5))).toEqual(await entries());
  });

  it("warn of what could not be looked into, once", async () => {
    for (const path of ["f", ".snapshot/s/f"]) file(path);
    const { past, warnings } = await history({ keep: 1 });
    const now = lstatSync(root);
    for (const name of ["one", "two"])
      expect(past?.folder(name, undefined, Object.assign(now, { dev: -1 }))).toBeUndefined();
    // Longer than any name may be.
    expect(await past?.versionsOf("n".repeat(300), now)).toEqual([]);
    expect(warnings()).toEqual([
      { code: "VERSION_NOT_READ", message: expect.stringMatching(/^1 looks.*ENAMETOOLONG/) },
      { code: "VERSION_NOT_READ", message: expect.stringMatching(/^2 folders.*first is .*\/one$/) },
    ]);
  });

  it("are looked for by a walk that asks, which says when there are none", async () => {
    file("a");
    const { past, warnings } = await history({ keep: 1, folder: ".kept/*" });
    expect(past).toBeUndefined();
    expect(warnings()).toEqual([
      { code: "NO_SNAPSHOTS", message: expect.stringContaining("no .kept/* folder of snapshots") },
    ]);
  });
});

describe("a resumed walk", () => {
  // A tree is a list of paths; names are few, so that folders are shared and cases collide.
  const name = fc.constantFrom(
    "a",
    "A",
    "b",
    "a b",
    "a-b",
    "a:b",
    "a?b",
    "a_b",
    "é",
    "É",
    "\uFF21",
    "\u{1F600}",
  );
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));

  it("gives exactly what the whole walk gives after that path", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 25 }), path, async (paths, elsewhere) => {
        rmSync(root, { recursive: true });
        mkdirSync(root);
        for (const path of paths)
          try {
            file(path);
          } catch {
            // a folder of that name is there, or a file where a folder should be
          }
        if (paths.length > 3) symlinkSync("x", join(root, "B"));
        const names = { invalidCharacters: "replace", replacementCharacter: "_" } as const;
        const whole = await entries(undefined, root, names);
        // Wherever it was cut, and at a path that has vanished since.
        for (const after of [...whole.map((entry) => entry.path), elsewhere])
          expect(await entries(after, root, names)).toEqual(
            whole.filter((entry) => comparePaths(entry.path, after) > 0),
          );
      }),
      { numRuns: 30 },
    );
  });

  it("knows the folders above the first entry", async () => {
    for (const path of ["a/b/1", "a/b/2"]) file(path);
    for await (const { entry, parent } of walk(root, { after: "a/b/1", signal })) {
      expect(entry.path).toBe("a/b/2");
      expect(parent?.entry.path).toBe("a/b");
      expect(parent?.parent?.entry).toMatchObject({ path: "a", kind: "folder" });
    }
  });
});
