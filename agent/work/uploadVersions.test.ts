import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, renameSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { Version } from "../../shared/contracts/inventory.ts";
import type { StoredContent, UploadResult } from "../../shared/contracts/work.ts";
import { decryptBuffer } from "../../shared/package/cipher.ts";
import {
  azurite,
  container,
  contentOf,
  file,
  key,
  newestSnapshot,
  problems,
  root,
  run,
  startRelay,
  unzip,
  uploaded,
} from "../../test/support/uploads.ts";

describe("older versions of a file", () => {
  const at = (minutes: number) => Date.UTC(2025, 0, 1) + minutes * 60_000;
  /** Writes a version into a snapshot; what the scan says of it. */
  function version(snapshot: string, path: string, content: Buffer | string, minutes = 1): Version {
    const place = `.snapshot/${snapshot}/${path}`;
    file(place, content);
    utimesSync(join(root, place), at(minutes) / 1_000, at(minutes) / 1_000);
    return { snapshot, size: content.length, modified: at(minutes) };
  }
  const contents = async (result: UploadResult, index = 0) => {
    const { versions = [] } = uploaded(result, index);
    const plain = await Promise.all(versions.map(contentOf));
    return versions.map(({ snapshot }, i) => [snapshot, plain[i]?.toString()]);
  };

  it("are blobs of their own, encrypted like files, and count as bytes", async () => {
    const large = randomBytes(400_000);
    file("a/f", "now");
    const versions = [
      version("s1", "a/f", large, 1),
      version("s2", "a/f", "", 2),
      version("s3", "a/f", "third", 3),
    ];
    let bytes = 0;
    const onItem = (counted: number) => {
      bytes = counted;
    };
    const result = await run([{ path: "a/f", versions }], { onItem });
    const found = uploaded(result, 0);
    expect(found.versions?.map(({ snapshot, size, modified }) => ({ snapshot, size, modified })))
      // As they were asked for.
      .toEqual(versions);
    expect((await contentOf(found)).toString()).toBe("now");
    const plain = await Promise.all((found.versions ?? []).map(contentOf));
    expect(plain.map((each) => each.equals(large))).toEqual([true, false, false]);
    expect(plain.slice(1).map(String)).toEqual(["", "third"]);
    const stored = [found, ...(found.versions ?? [])];
    expect(new Set(stored.map(({ iv }) => iv)).size).toBe(4);
    expect(new Set(stored.map(({ blob }) => blob)).size).toBe(4);
    expect(bytes).toBe(3 + 400_000 + 5);
    expect(found.versionsLeftOut).toBeUndefined();
  });

  it("are members of archives when they are small", async () => {
    const paths = Array.from({ length: 3 }, (_, i) => {
      file(`f${i}`, `now ${i}`);
      const versions = [
        version("s1", `f${i}`, `first ${i}`, 1),
        version("s2", `f${i}`, "x".repeat(110_000), 2),
      ];
      return { path: `f${i}`, versions };
    });
    const result = await run(paths, { archiveSmallFiles: true });
    const archive = await newestSnapshot("e1-pack0.zip");
    const members = await unzip(decryptBuffer(key, archive.iv, archive.data));
    expect(members.size).toBe(6);
    for (const i of paths.keys()) {
      const [small, large] = uploaded(result, i).versions ?? [];
      expect([small?.archive, large?.archive]).toEqual(["e1-pack0.zip", undefined]);
      const iv = Buffer.from(small?.iv ?? "", "base64");
      const member = members.get(small?.blob ?? "") as Buffer;
      expect(decryptBuffer(key, iv, member).toString()).toBe(`first ${i}`);
      expect((await contentOf(large as StoredContent)).length).toBe(110_000);
    }
  });

  it("are left out when they cannot be read, and their file goes without them", async () => {
    file("f", "now");
    file("secret", "secret");
    mkdirSync(join(root, ".snapshot/linked"), { recursive: true });
    symlinkSync(join(root, "secret"), join(root, ".snapshot/linked/f"));
    symlinkSync(root, join(root, ".snapshot/out"));
    const good = version("good", "f", "good", 5);
    const changed = { ...version("changed", "f", "changed", 3), size: 3 };
    const touched = { ...version("touched", "f", "touched", 4), modified: at(9) };
    const gone = { snapshot: "gone", size: 1, modified: at(1) };
    const linked = { snapshot: "linked", size: 6, modified: at(2) };
    const now = statSync(join(root, "f"));
    const through = { snapshot: "out", size: 3, modified: Math.floor(now.mtimeMs) };
    const climbing = { snapshot: "..", size: 3, modified: Math.floor(now.mtimeMs) };
    const versions = [gone, linked, changed, touched, good, through, climbing];
    const result = await run([{ path: "f", versions }]);
    expect(await contents(result)).toEqual([["good", "good"]]);
    const { versionsLeftOut = [] } = uploaded(result, 0);
    expect(versionsLeftOut.map(({ snapshot, issue }) => [snapshot, issue.code])).toEqual(
      ["gone", "linked", "changed", "touched", "out", ".."].map((name) => [name, "FILE_VANISHED"]),
    );
  });

  it("are found where a snapshot went that was renamed since", async () => {
    file("a/f", "now");
    const versions = [version("hourly.1", "a/f", "old", 1), version("hourly.0", "a/f", "newer", 2)];
    for (const number of [1, 0])
      renameSync(
        join(root, `.snapshot/hourly.${number}`),
        join(root, `.snapshot/hourly.${number + 1}`),
      );
    version("hourly.0", "a/f", "newest", 3);
    const result = await run([{ path: "a/f", versions }]);
    // Known by the name they had.
    expect(await contents(result)).toEqual([
      ["hourly.1", "old"],
      ["hourly.0", "newer"],
    ]);
  });

  it("are read where the task says that snapshots are", async () => {
    file("f", "now");
    version("s", "f", "usual", 1);
    mkdirSync(join(root, "#kept"));
    renameSync(join(root, ".snapshot/s"), join(root, "#kept/s"));
    version("s", "f", "other", 1);
    const versions = [{ snapshot: "s", size: 5, modified: at(1) }];
    const result = await run([{ path: "f", versions }], { snapshotFolder: "#kept/*" });
    expect(await contents(result)).toEqual([["s", "usual"]]);
  });

  it("do not become half another when they change while they are read", async () => {
    file("f", "now");
    const versions = [version("s", "f", randomBytes(3_000_000))];
    const relay = await startRelay(
      azurite.sasUrl(container, "cw"),
      () => false,
      (path) => {
        if (path.endsWith("-v0.dat")) appendFileSync(join(root, ".snapshot/s/f"), "more");
      },
    );
    try {
      const result = await run([{ path: "f", versions }], { url: relay.url });
      expect(uploaded(result, 0).versions).toBeUndefined();
      expect(uploaded(result, 0).versionsLeftOut).toHaveLength(1);
      expect(await container.getBlobClient("e1-00000001-v0.dat").exists()).toBe(false);
    } finally {
      await relay.close();
    }
  });

  it("go with their file when that fails, and when storage does not take them", async () => {
    const versions = [version("s", "gone", "x"), version("s", "f", randomBytes(200_000))];
    file("f", "now");
    let bytes = 0;
    const onItem = (counted: number) => {
      bytes = counted;
    };
    const url = azurite.sasUrl(container, "cw");
    const relay = await startRelay(url, (_n, path) => path.endsWith("-v0.dat"));
    try {
      const result = await run(
        [
          { path: "gone", versions: versions.slice(0, 1) },
          { path: "f", versions: versions.slice(1) },
        ],
        { url: relay.url, onItem },
      );
      // The next round would not bring them: to it the file would be as it was.
      expect(problems(result)).toEqual(["FILE_VANISHED", "UPLOAD_FAILED"]);
      expect(bytes).toBe(0);
    } finally {
      await relay.close();
    }
  });

  it("stay with their file when the task pauses", async () => {
    const paths = Array.from({ length: 40 }, (_, i) => {
      file(`f${i}`, "now");
      return { path: `f${i}`, versions: [version("s", `f${i}`, "before")] };
    });
    await expect(run(paths, { yieldAfter: 5 })).rejects.toMatchObject({ reason: "yielded" });
    const result = await run(paths, { yieldAfter: 40 });
    for (const i of paths.keys()) expect(uploaded(result, i).versions).toHaveLength(1);
  });
});
