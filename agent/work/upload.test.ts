import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { decryptBuffer } from "../../shared/package/cipher.ts";
import { quickXorHash } from "../../shared/package/quick-xor-hash.ts";
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
  signal,
  startRelay,
  type Uploaded,
  unzip,
  uploaded,
} from "../../test/support/uploads.ts";
import { createReader } from "../source/read.ts";
import { storeFile } from "./blobs.ts";
import { openContainer } from "./container.ts";

describe("upload", () => {
  it("stores every file as an encrypted blob with IV, MD5 and snapshot", async () => {
    const contents = [0, 1, 16, 102_383, 102_384, 262_144, 3_000_001].map((n) => randomBytes(n));
    const paths = contents.map((content, i) => file(`folder ${i}/ü ${i}.bin`, content));
    const result = await run(paths);
    for (const [i, content] of contents.entries()) {
      const found = uploaded(result, i);
      expect(found).toMatchObject({ size: content.length, blob: `e1-0000000${i + 1}.dat` });
      expect((await contentOf(found)).equals(content)).toBe(true);
    }
    expect(result.archives).toEqual([]);
    expect(new Set(result.files.map((_, i) => uploaded(result, i).iv)).size).toBe(7);
  });

  it("gives the item back between two files when it is asked to, and not when it has them all", async () => {
    const paths = Array.from({ length: 40 }, (_, i) => file(`y/${i}`, randomBytes(20)));
    await expect(run(paths, { yieldAfter: 5 })).rejects.toMatchObject({
      ...{ name: "WorkStopped", reason: "yielded" },
    });
    expect((await run(paths, { yieldAfter: 40 })).files).toHaveLength(40);
  });

  it("puts small files into archives that are blobs like all others", async () => {
    const contents = [0, 20, 50_000, 102_383, 102_384].map((n) => randomBytes(n));
    const result = await run(
      contents.map((content, i) => file(`f${i}`, content)),
      { archiveSmallFiles: true },
    );
    expect(result.archives).toHaveLength(1);
    const archive = await newestSnapshot("e1-pack0.zip");
    expect(result.archives[0]).toEqual({
      name: "e1-pack0.zip",
      checksum: quickXorHash(archive.data),
    });
    const members = await unzip(decryptBuffer(key, archive.iv, archive.data));
    for (const [i, content] of contents.slice(0, 4).entries()) {
      const found = uploaded(result, i);
      expect(found.archive).toBe("e1-pack0.zip");
      const member = members.get(found.blob) as Buffer;
      const iv = Buffer.from(found.iv, "base64");
      expect(decryptBuffer(key, iv, member).equals(content)).toBe(true);
    }
    const large = uploaded(result, 4);
    expect(large.archive).toBeUndefined();
    expect((await contentOf(large)).equals(contents[4] as Buffer)).toBe(true);
  });

  it("goes on with single blobs when both archives are full", async () => {
    const content = randomBytes(100_000);
    const paths = Array.from({ length: 220 }, (_, i) => file(`f${i}`, content));
    const result = await run(paths, { archiveSmallFiles: true });
    expect(result.archives.map(({ name }) => name)).toEqual(["e1-pack0.zip", "e1-pack1.zip"]);
    const single = result.files.filter((f) => f.status === "uploaded" && !f.archive) as Uploaded[];
    expect(single).toHaveLength(220 - 2 * 104);
    expect((await contentOf(single[0] as Uploaded)).equals(content)).toBe(true);
  });

  it("makes a file of many blocks one blob with the MD5 of the whole", async () => {
    const content = randomBytes(1_000_003);
    const source = await createReader(root).open(file("large.bin", content));
    const target = openContainer(azurite.sasUrl(container, "cw"), { signal });
    const sizes = { singlePutBytes: 300_000, partBytes: 300_000 - (300_000 % 16) };
    const stored = await storeFile(target, "large.dat", key, source, sizes);
    await source.close();
    expect(stored.checksum).toBeUndefined();
    const blob = await newestSnapshot("large.dat");
    expect(blob.md5).toBe(stored.md5);
    expect(decryptBuffer(key, blob.iv, blob.data).equals(content)).toBe(true);
  });

  it("repeats one block of a file when storage is busy, from the same bytes", async () => {
    const content = randomBytes(1_000_000);
    const relay = await startRelay(azurite.sasUrl(container, "cw"), (n) => n === 2 || n === 5);
    try {
      const source = await createReader(root).open(file("large.bin", content));
      const target = openContainer(relay.url, { signal, firstPauseMs: 10 });
      const sizes = { singlePutBytes: 1, partBytes: 320_000, checksumAbove: 999_999 };
      const { checksum } = await storeFile(target, "busy.dat", key, source, sizes);
      await source.close();
      expect(checksum).toBe(quickXorHash(content));
      const blob = await newestSnapshot("busy.dat");
      expect(decryptBuffer(key, blob.iv, blob.data).equals(content)).toBe(true);
    } finally {
      await relay.close();
    }
  });
});

describe("what goes wrong with one file", () => {
  it("is that file's result, and the others are uploaded", async () => {
    const paths = ["one.txt", "gone.txt", "gone/deep.txt", "link.txt", "folder", "linked/two.txt"];
    file("one.txt", "1");
    mkdirSync(join(root, "folder"));
    file("elsewhere/two.txt", "secret");
    symlinkSync("one.txt", join(root, "link.txt"));
    symlinkSync("elsewhere", join(root, "linked"));
    const result = await run([...paths, "../outside.txt", "elsewhere/two.txt"]);
    expect(problems(result)).toEqual([
      "uploaded",
      "FILE_VANISHED",
      "FILE_VANISHED",
      "FILE_CHANGED",
      "FILE_CHANGED",
      "FILE_CHANGED",
      "SOURCE_NOT_ALLOWED",
      "uploaded",
    ]);
  });

  it("takes size and time from the file as it is, not as it was planned", async () => {
    const paths = [file("grown.bin", randomBytes(400_000)), file("shrunk.bin", "tiny")];
    for (const size of [10, 500_000]) {
      const result = await run(paths, { size, archiveSmallFiles: true });
      expect([uploaded(result, 0).size, uploaded(result, 1).size]).toEqual([400_000, 4]);
      expect(uploaded(result, 1).archive).toBe("e1-pack0.zip");
    }
  });

  it("is FILE_CHANGED when a file grows, shrinks or is replaced while it is read", async () => {
    const size = 4_000_000;
    const paths = ["grows", "shrinks", "still"].map((name) => file(name, randomBytes(size)));
    const relay = await startRelay(
      azurite.sasUrl(container, "cw"),
      () => false,
      (path) => {
        if (path.endsWith("1.dat")) appendFileSync(join(root, "grows"), "more");
        if (path.endsWith("2.dat")) truncateSync(join(root, "shrinks"), size / 2 - truncated++);
      },
    );
    let truncated = 0;
    try {
      const result = await run(paths, { url: relay.url, size });
      expect(problems(result)).toEqual(["FILE_CHANGED", "FILE_CHANGED", "uploaded"]);
      // Nothing that is half one state and half another may ever be found.
      expect(await container.getBlobClient("e1-00000001.dat").exists()).toBe(false);
    } finally {
      await relay.close();
    }
  });

  it("is mended by another attempt when the file comes to rest", async () => {
    const path = file("busy", randomBytes(2_000_000));
    let touched = false;
    const relay = await startRelay(
      azurite.sasUrl(container, "cw"),
      () => false,
      () => {
        if (!touched) appendFileSync(join(root, "busy"), "end");
        touched = true;
      },
    );
    try {
      const result = await run([path], { url: relay.url, size: 2_000_000 });
      expect(uploaded(result, 0).size).toBe(2_000_003);
      expect((await contentOf(uploaded(result, 0))).subarray(-3).toString()).toBe("end");
    } finally {
      await relay.close();
    }
  });

  it("is not mistaken for another file that took its name", async () => {
    file("a", "old");
    file("b", randomBytes(4));
    renameSync(join(root, "b"), join(root, "a"));
    const result = await run(["a"]);
    expect(uploaded(result, 0).size).toBe(4);
  });
});

describe("what goes wrong with the container", () => {
  it("is every file's result with the code of storage", async () => {
    const paths = Array.from({ length: 40 }, (_, i) => file(`f${i}`, randomBytes(200_000)));
    paths.push(file("small", "x"));
    const expired = azurite.sasUrl(container, "cw", new Date(Date.now() - 60_000));
    for (const archiveSmallFiles of [false, true]) {
      const result = await run(paths, { url: expired, archiveSmallFiles });
      expect(new Set(problems(result))).toEqual(new Set(["UPLOAD_FAILED"]));
      expect(result.files[0]).toMatchObject({
        issue: { message: expect.stringContaining("storage answered 403 A") },
      });
      expect(JSON.stringify(result)).not.toContain("sig=");
      expect(result.archives).toEqual([]);
    }
  });

  it("is every file's result when nobody answers", async () => {
    const result = await run([file("a", "1"), file("b", randomBytes(300_000))], {
      url: "http://127.0.0.1:9/account/container?sig=secret",
    });
    expect(problems(result)).toEqual(["UPLOAD_FAILED", "UPLOAD_FAILED"]);
    expect(JSON.stringify(result)).toContain("ECONNREFUSED");
  });

  it("ends with the signal's reason when the work is stopped", async () => {
    const stop = new AbortController();
    const paths = Array.from({ length: 30 }, (_, i) => file(`f${i}`, randomBytes(200_000)));
    const onItem = () => stop.abort(new Error("stop now"));
    await expect(run(paths, { signal: stop.signal, onItem })).rejects.toThrow("stop now");
  });
});
