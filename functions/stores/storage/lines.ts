import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { createGunzip, gunzipSync, gzipSync } from "node:zlib";
import type { ContainerClient } from "@azure/storage-blob";
import { RestError } from "@azure/storage-blob";
import type { z } from "zod";

/** Blobs of gzipped JSON: whole documents (plans, upload results) and JSON lines (segments, outcomes). */

const notFound = (error: unknown) => error instanceof RestError && error.statusCode === 404;

export async function writeJson(
  container: ContainerClient,
  name: string,
  value: unknown,
): Promise<void> {
  await put(container, name, gzipSync(JSON.stringify(value), { level: 3 }));
}

/** The document, or undefined when there is no such blob. */
export async function readJson<T>(
  container: ContainerClient,
  name: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  try {
    // Not downloadToBuffer, which asks for the size before.
    const { readableStreamBody } = await container.getBlobClient(name).download();
    const body = await buffer(readableStreamBody as Readable);
    return schema.parse(JSON.parse(gunzipSync(body).toString("utf8")));
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

export async function writeLines(
  container: ContainerClient,
  name: string,
  lines: readonly unknown[],
): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await put(container, name, gzipSync(text, { level: 3 }));
}

/**
 * The parsed lines, streamed. A missing blob throws: whoever reads lines knows that they were written. Only "\n" ends a line:
 * node:readline also splits at U+2028 and U+2029, which JSON leaves as they are and file names may hold.
 */
export async function* readLines(
  container: ContainerClient,
  name: string,
): AsyncGenerator<unknown> {
  const body = (await container.getBlobClient(name).download()).readableStreamBody;
  if (!body) return;
  const gunzip = createGunzip();
  const whole = pipeline(body, gunzip);
  whole.catch(() => undefined); // comes out of the loop, or of the await after it
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of gunzip) {
    const lines = (rest + decoder.write(chunk as Buffer)).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) if (line) yield JSON.parse(line);
  }
  await whole;
  if (rest) yield JSON.parse(rest);
}

async function put(container: ContainerClient, name: string, body: Buffer): Promise<void> {
  await container.getBlockBlobClient(name).upload(body, body.length);
}
