import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import yauzl from "yauzl";
import type { Version } from "../../shared/contracts/inventory.ts";
import type {
  StoredContent,
  UploadedFile,
  UploadResult,
  UploadSpec,
} from "../../shared/contracts/work.ts";
import { uploadResultSchema } from "../../shared/contracts/work.ts";
import { decryptBuffer } from "../../shared/package/cipher.ts";
import { quickXorHash } from "../../shared/package/quick-xor-hash.ts";
import { type Azurite, startAzurite } from "../../test/support/azurite.ts";
import { createLog } from "../log.ts";
import { createReader } from "../source/read.ts";
import { openContainer } from "../storage/container.ts";
import { storeFile } from "./blobs.ts";
import { upload } from "./upload.ts";

let azurite: Azurite;
let container: ContainerClient;
let root: string;
let count = 0;
const key = randomBytes(32);
const signal = new AbortController().signal;

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "upload-"));
  container = await azurite.container(`package${count++}`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, content: Buffer | string): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return path;
}

interface Options {
  archiveSmallFiles?: boolean;
  url?: string;
  size?: number;
  /** Told the bytes that are counted, whenever a file is done. */
  onItem?: (bytes: number) => void;
  snapshotFolder?: string;
  /** After so many files the control plane wants the item back. */
  yieldAfter?: number;
  signal?: AbortSignal;
}

type Planned = UploadSpec["files"][number];

async function run(
  paths: (string | Partial<Planned>)[],
  options: Options = {},
): Promise<UploadResult> {
  const spec: UploadSpec = {
    kind: "upload",
    source: root,
    containerUrl: options.url ?? azurite.sasUrl(container, "cw"),
    contentKey: key.toString("base64"),
    blobPrefix: "e1",
    archiveSmallFiles: options.archiveSmallFiles ?? false,
    attemptsPerFile: 2,
    ...(options.snapshotFolder && { snapshotFolder: options.snapshotFolder }),
    files: paths.map((path, i) => ({
      ...{ index: i + 1, path: "", size: options.size ?? 10, modified: 0 },
      ...(typeof path === "string" ? { path } : path),
    })),
  };
  let items = 0;
  const progress = {
    bytes: 0,
    get items() {
      return items;
    },
    set items(value: number) {
      items = value;
      options.onItem?.(progress.bytes);
    },
    get yielding() {
      return items >= (options.yieldAfter ?? Number.POSITIVE_INFINITY);
    },
    segmentWritten: () => undefined,
  };
  const opened = openContainer(spec.containerUrl, { signal, tries: 2, firstPauseMs: 10 });
  const context = {
    ...{ root, roots: [root], container: opened, log: createLog("silent"), progress },
    signal: options.signal ?? signal,
  };
  return uploadResultSchema.parse(await upload(spec, context));
}

type Uploaded = Extract<UploadedFile, { status: "uploaded" }>;
const uploaded = (result: UploadResult, at: number): Uploaded => {
  const found = result.files[at];
  if (found?.status !== "uploaded") throw new Error(`not uploaded: ${JSON.stringify(found)}`);
  return found;
};
const problems = (result: UploadResult) =>
  result.files.map((found) => (found.status === "failed" ? found.issue.code : found.status));

/** The blob as SharePoint would take it: the newest snapshot, its IV from the metadata. */
async function newestSnapshot(name: string) {
  let snapshot: string | undefined;
  for await (const blob of container.listBlobsFlat({ includeSnapshots: true, prefix: name }))
    if (blob.name === name && blob.snapshot) snapshot = blob.snapshot;
  if (snapshot === undefined) throw new Error(`${name} has no snapshot`);
  const client = container.getBlobClient(name).withSnapshot(snapshot);
  const properties = await client.getProperties();
  return {
    data: await client.downloadToBuffer(),
    iv: Buffer.from(properties.metadata?.iv ?? "", "base64"),
    md5: Buffer.from(properties.contentMD5 ?? []).toString("base64"),
  };
}

async function contentOf(found: StoredContent): Promise<Buffer> {
  const blob = await newestSnapshot(found.blob);
  expect(blob.iv.toString("base64")).toBe(found.iv);
  expect(blob.md5).toBe(found.md5);
  return decryptBuffer(key, blob.iv, blob.data);
}

function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(zip, (error, archive) => {
      if (error) return reject(error);
      const members = new Map<string, Buffer>();
      archive.on("error", reject);
      archive.on("end", () => resolve(members));
      archive.on("entry", (entry: yauzl.Entry) => {
        archive.openReadStream(entry, async (failed, stream) => {
          if (failed) return reject(failed);
          members.set(entry.fileName, Buffer.concat(await stream.toArray()));
        });
      });
    });
  });
}

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

/** Stands before storage: answers 503 to the requests that `busy` picks (counted from 1), passes all others on. */
async function startRelay(
  containerUrl: string,
  busy: (request: number, path: string) => boolean,
  onBody: (path: string) => void = () => undefined,
) {
  const target = new URL(containerUrl);
  let requests = 0;
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    const path = new URL(request.url ?? "", target).pathname;
    try {
      for await (const chunk of request) {
        if (chunks.length === 0) onBody(path);
        chunks.push(chunk as Buffer);
      }
    } catch {
      return; // the client went away in the middle of a body
    }
    if (busy(++requests, path)) {
      response.writeHead(503, { "x-ms-error-code": "ServerBusy" }).end();
      return;
    }
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url ?? "", target), {
      method: "PUT",
      headers: headers as Record<string, string>,
      body: Buffer.concat(chunks),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(containerUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
