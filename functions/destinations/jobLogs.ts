import { createDecipheriv } from "node:crypto";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type ContainerClient, RestError } from "@azure/storage-blob";
import { redacted } from "../security/redacted.ts";

/**
 * The error logs that SharePoint writes into the manifest container when a job is over: `Import-{job}-{n}.err`, encrypted with the
 * job's key like every other blob. The format of a line is not published; what is known of it is the mark "[Error]" and the
 * id of the object somewhere in it.
 */
export interface LogError {
  /** Every GUID of the line, in lower case. */
  ids: string[];
  text: string;
}

/** Errors of all segments of the job's log. There is no right to list: segments are read until one is missing. */
export async function readErrorLog(
  container: ContainerClient,
  job: string,
  key: Uint8Array,
): Promise<LogError[]> {
  const errors: LogError[] = [];
  for (let segment = 1; ; segment++) {
    const blob = await download(container, `Import-${job}-${segment}.err`);
    if (!blob) return errors;
    errors.push(...parseErrorLog(decrypted(blob, key)));
  }
}

const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;

/** A line without the mark goes on with the one before it: messages have call stacks of many lines. */
export function parseErrorLog(text: string): LogError[] {
  const errors: LogError[] = [];
  for (const line of text.split(/\r?\n/)) {
    const ids = [...line.matchAll(GUID)].map(([guid]) => guid.toLowerCase());
    if (/\[error\]/i.test(line)) errors.push({ ids, text: said(line) });
    else errors.at(-1)?.ids.push(...ids);
  }
  return errors;
}

/** What follows the last bracket at the line's beginning: "[time] [File] [Error] [url] [id] message". */
const said = (line: string) =>
  redacted(line.replace(/^(?:\s*\[[^\]]*\])+\s*/, "") || line).slice(0, 1000);

function decrypted({ data, iv }: { data: Buffer; iv: string | undefined }, key: Uint8Array) {
  // A log without an IV is one that nobody encrypted.
  if (!iv) return data.toString("utf8");
  const decipher = createDecipheriv("aes-256-cbc", key, Buffer.from(iv, "base64"));
  return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
}

async function download(container: ContainerClient, name: string) {
  try {
    const blob = container.getBlobClient(name);
    const { metadata = {}, readableStreamBody } = await blob.download();
    return { data: await buffer(readableStreamBody as Readable), iv: metadata.iv ?? metadata.IV };
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}
