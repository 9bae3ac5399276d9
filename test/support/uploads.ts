import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "@jest/globals";
import yauzl from "yauzl";
import { createLog } from "../../agent/log.ts";
import { openContainer } from "../../agent/work/container.ts";
import { upload } from "../../agent/work/upload.ts";
import type {
  StoredContent,
  UploadedFile,
  UploadResult,
  UploadSpec,
} from "../../shared/contracts/work.ts";
import { uploadResultSchema } from "../../shared/contracts/work.ts";
import { decryptBuffer } from "../../shared/package/cipher.ts";
import { type Azurite, startAzurite } from "./azurite.ts";

/* Importing this gives a suite its own storage, and each test a source and a container. */

export let azurite: Azurite;
export let container: ContainerClient;
export let root: string;
export let count = 0;
export const key = randomBytes(32);
export const signal = new AbortController().signal;

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "upload-"));
  container = await azurite.container(`package${count++}`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

export function file(path: string, content: Buffer | string): string {
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

export async function run(
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

export type Uploaded = Extract<UploadedFile, { status: "uploaded" }>;
export const uploaded = (result: UploadResult, at: number): Uploaded => {
  const found = result.files[at];
  if (found?.status !== "uploaded") throw new Error(`not uploaded: ${JSON.stringify(found)}`);
  return found;
};
export const problems = (result: UploadResult) =>
  result.files.map((found) => (found.status === "failed" ? found.issue.code : found.status));

/** The blob as SharePoint would take it: the newest snapshot, its IV from the metadata. */
export async function newestSnapshot(name: string) {
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

export async function contentOf(found: StoredContent): Promise<Buffer> {
  const blob = await newestSnapshot(found.blob);
  expect(blob.iv.toString("base64")).toBe(found.iv);
  expect(blob.md5).toBe(found.md5);
  return decryptBuffer(key, blob.iv, blob.data);
}

export function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
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

/** Stands before storage: answers 503 to the requests that `busy` picks (counted from 1), passes all others on. */
export async function startRelay(
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
