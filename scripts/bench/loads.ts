import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { appendFile, open } from "node:fs/promises";
import { join } from "node:path";

/** The two standard loads: what a share full of small files is like, and one of large files. */
export interface Load {
  name: string;
  files: number;
  fileBytes: number;
}

export const smallLoad = (files = 10_000): Load => ({
  name: `${files.toLocaleString("en")} files of 10 KB`,
  files,
  fileBytes: 10 * 1024,
});

export const largeLoad = (files = 10): Load => ({
  name: `${files.toLocaleString("en")} files of 200 MB`,
  files,
  fileBytes: 200 * 1024 * 1024,
});

const FILES_PER_FOLDER = 100;
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Makes the load's folder unless it is there. The content is random, so that nobody's compression counts. */
export async function makeLoad({ files, fileBytes }: Load, folder: string): Promise<void> {
  const marker = join(folder, "..", ".complete");
  if (existsSync(marker)) return;
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, fileBytes));
  for (let index = 0; index < files; index++) {
    const parent = join(folder, `folder ${Math.floor(index / FILES_PER_FOLDER)}`);
    if (index % FILES_PER_FOLDER === 0) mkdirSync(parent, { recursive: true });
    const path = join(parent, `file ${index}.bin`);
    const file = await open(path, "w");
    for (let left = fileBytes; left > 0; left -= chunk.length) {
      randomFillSync(chunk);
      await appendFile(file, chunk.subarray(0, Math.min(left, chunk.length)));
    }
    await file.close();
  }
  writeFileSync(marker, "");
}

/** Reads every file once, so that all who are compared find the page cache warm. */
export async function warmUp(folder: string): Promise<void> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name));
    while ((await file.read(buffer)).bytesRead > 0);
    await file.close();
  }
}
