import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface LogFile {
  write(text: string | Uint8Array): void;
  close(): void;
}

/**
 * A log that is cut at `maxBytes` and keeps `files` files: `x.log`, `x.log.1` (older), `x.log.2` (oldest). Writes are
 * synchronous: a few lines a second, and nothing is lost when the command ends. A log that cannot be written (full disk)
 * is silently shorter: it must never stop the work it describes.
 */
export function openLogFile(path: string, maxBytes = 10_000_000, files = 3): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  let descriptor = openSync(path, "a", 0o600);
  let size = fstatSync(descriptor).size;

  function rotate() {
    closeSync(descriptor);
    for (let number = files - 1; number >= 1; number--) {
      const from = number === 1 ? path : `${path}.${number - 1}`;
      try {
        renameSync(from, `${path}.${number}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    descriptor = openSync(path, "w", 0o600);
    size = 0;
  }

  return {
    write(text) {
      try {
        const bytes = typeof text === "string" ? Buffer.from(text) : text;
        if (size > 0 && size + bytes.length > maxBytes) rotate();
        size += writeSync(descriptor, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    close: () => closeSync(descriptor),
  };
}
