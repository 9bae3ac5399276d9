import { createInterface } from "node:readline";
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
    const body = await container.getBlobClient(name).downloadToBuffer();
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

/** The parsed lines, streamed. A missing blob throws: whoever reads lines knows that they were written. */
export async function* readLines(
  container: ContainerClient,
  name: string,
): AsyncGenerator<unknown> {
  const response = await container.getBlobClient(name).download();
  const body = response.readableStreamBody;
  if (!body) return;
  const gunzip = createGunzip();
  body.on("error", (error) => gunzip.destroy(error));
  for await (const line of createInterface({ input: body.pipe(gunzip), crlfDelay: Infinity }))
    if (line) yield JSON.parse(line);
}

async function put(container: ContainerClient, name: string, body: Buffer): Promise<void> {
  await container.getBlockBlobClient(name).upload(body, body.length);
}
