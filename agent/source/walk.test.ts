import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { InventoryEntry } from "../../shared/contracts/inventory.ts";
import { inventoryEntrySchema } from "../../shared/contracts/inventory.ts";
import { comparePaths } from "../../shared/rules/paths.ts";
import { brief, entries, file, root, signal } from "../../test/support/walks.ts";
import { walk } from "./walk.ts";

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
