import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { backoffMs, pause } from "../backoff.ts";

/*
 * The five requests of the Blob service that an agent needs, straight over node:http. Against a server that only answers
 * 201, the storage SDK spends half as much CPU again on large bodies and twice as much on small ones, and it gives no
 * say in how a body that fails at its source differs from one that fails on the way.
 */

/** A body whose length is known: what it yields is sent as it comes. It is asked for anew with every try. */
export interface Body {
  length: number;
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export const bodyOf = (data: Uint8Array): Body => ({ length: data.length, open: () => [data] });

/** What storage answered, or why it did not, after all tries. `code` is storage's own, or the network's. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: string;
  readonly status: number | undefined;

  constructor(code: string, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }

  get passing(): boolean {
    const { status } = this;
    return status === undefined || status === 408 || status === 429 || status >= 500;
  }

  /** Whether no other request to this container can succeed either: the SAS is over, or the container is gone. */
  get final(): boolean {
    return this.status === 403 || this.code === "ContainerNotFound";
  }
}

export interface Container {
  /** One blob in one request; returns the base64 MD5 that the server computed of what it received. */
  putBlob(name: string, body: Body, metadata?: Record<string, string>): Promise<string | undefined>;
  putBlock(name: string, block: number, body: Body): Promise<void>;
  /** Makes a blob of blocks 0 to `blocks` - 1. The server computes no MD5 of such a blob; it keeps the one it is told. */
  commitBlocks(
    name: string,
    blocks: number,
    md5: string,
    metadata: Record<string, string>,
  ): Promise<void>;
  snapshot(name: string): Promise<void>;
}

export interface ContainerOptions {
  signal: AbortSignal;
  /** Tries per request, and milliseconds before the second one. */
  tries?: number;
  firstPauseMs?: number;
}

/** The newest version that SharePoint's own containers are documented to take, and older than what emulators know. */
const API_VERSION = "2021-12-02";
const SILENCE_MS = 60_000;

const options = { keepAlive: true, maxSockets: 64, proxyEnv: process.env };
const agents = { http: new http.Agent(options), https: new https.Agent(options) };

/** `url`: of the container, with its SAS. */
export function openContainer(
  url: string,
  { signal, tries = 7, firstPauseMs = 500 }: ContainerOptions,
): Container {
  const base = new URL(url);
  const target = (name: string, query: string) => {
    const blob = new URL(base);
    blob.pathname = `${base.pathname.replace(/\/$/, "")}/${encodeURIComponent(name)}`;
    blob.search = [query, base.search.slice(1)].filter(Boolean).join("&");
    return blob;
  };
  let broken: StorageError | undefined;

  async function put(
    name: string,
    query: string,
    headers: http.OutgoingHttpHeaders,
    body: Body,
  ): Promise<http.IncomingHttpHeaders> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      if (broken !== undefined) throw broken;
      try {
        return await send(target(name, query), headers, body, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StorageError)) throw error;
        if (error.final) broken = error;
        if (!error.passing || attempt >= tries) throw error;
        const asked = error instanceof BusyError ? error.retryAfterMs : 0;
        await pause(Math.max(asked, backoffMs(attempt, firstPauseMs, 20_000)), signal);
      }
    }
  }

  return {
    async putBlob(name, body, metadata = {}) {
      const headers = { "x-ms-blob-type": "BlockBlob", ...metadataHeaders(metadata) };
      const md5 = (await put(name, "", headers, body))["content-md5"];
      return typeof md5 === "string" ? md5 : undefined;
    },
    async putBlock(name, block, body) {
      await put(name, `comp=block&blockid=${encodeURIComponent(blockId(block))}`, {}, body);
    },
    async commitBlocks(name, blocks, md5, metadata) {
      const ids = Array.from(
        { length: blocks },
        (_, block) => `<Latest>${blockId(block)}</Latest>`,
      );
      const xml = `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.join("")}</BlockList>`;
      const headers = { "x-ms-blob-content-md5": md5, ...metadataHeaders(metadata) };
      await put(name, "comp=blocklist", headers, bodyOf(Buffer.from(xml)));
    },
    async snapshot(name) {
      await put(name, "comp=snapshot", {}, bodyOf(Buffer.alloc(0)));
    },
  };
}

/** All ids of a blob have to be of one length. */
const blockId = (block: number): string =>
  Buffer.from(block.toString().padStart(6, "0")).toString("base64");

const metadataHeaders = (metadata: Record<string, string>): http.OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value]));

/** A passing refusal that says when to come back. */
class BusyError extends StorageError {
  readonly retryAfterMs: number;

  constructor(code: string, message: string, status: number, retryAfterMs: number) {
    super(code, message, status);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * One PUT. Errors of the body's source are thrown as they are; everything else is a StorageError. A server that refuses may
 * answer before it has taken the whole body: that answer counts, and the rest is not sent.
 */
async function send(
  url: URL,
  headers: http.OutgoingHttpHeaders,
  body: Body,
  signal: AbortSignal,
): Promise<http.IncomingHttpHeaders> {
  const secure = url.protocol === "https:";
  const request = (secure ? https : http).request(url, {
    method: "PUT",
    agent: secure ? agents.https : agents.http,
    headers: { ...headers, "x-ms-version": API_VERSION, "content-length": body.length },
    signal,
    timeout: SILENCE_MS,
  });
  request.on("timeout", () => request.destroy(new Error(`no sign of life for ${SILENCE_MS} ms`)));
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", (error) => reject(networkError(error)));
    request.on("close", () => reject(networkError(new Error("the connection was closed"))));
  });
  // The source may fail first, and then nobody looks at this promise.
  answered.catch(() => undefined);
  await writeBody(request, body, answered);
  const response = await answered;
  const text = await readAll(response);
  // An answer before the end of the body leaves the connection unusable.
  if (!request.writableFinished) request.destroy();
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response.headers;
  throw refusal(response, status, text);
}

async function writeBody(
  request: http.ClientRequest,
  body: Body,
  answered: Promise<unknown>,
): Promise<void> {
  let over = false;
  const ended = answered.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  try {
    for await (const chunk of body.open()) {
      if (over) return;
      if (!request.write(chunk)) await Promise.race([once(request, "drain"), ended]);
    }
  } catch (error) {
    request.destroy();
    // once() rejects with the request's own error, which `answered` has turned into a StorageError.
    if (over) await answered;
    throw error;
  }
  request.end();
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw networkError(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal(response: http.IncomingMessage, status: number, text: string): StorageError {
  const header = response.headers["x-ms-error-code"];
  const code = typeof header === "string" ? header : (/<Code>([^<]*)/.exec(text)?.[1] ?? "Unknown");
  const detail = /<Message>([^<\r\n]*)/.exec(text)?.[1] ?? response.statusMessage ?? "";
  const message = `storage answered ${status} ${code}: ${detail}`;
  const seconds = Number(response.headers["retry-after"]);
  return seconds > 0
    ? new BusyError(code, message, status, seconds * 1000)
    : new StorageError(code, message, status);
}

function networkError(error: unknown): StorageError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new StorageError(code ?? "NetworkError", `storage cannot be reached: ${message}`);
}
