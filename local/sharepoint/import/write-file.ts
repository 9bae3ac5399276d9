import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TEMPORARY_PREFIX } from "../record/library-folder.ts";

export type Sink = (chunk: Buffer) => Promise<void>;

/**
 * Puts a file at `target` in one step: content is produced into a temporary file beside it, which gets its time and is
 * then renamed. If anything fails, `target` is what it was before and the temporary file is gone.
 * `suffix` keeps two writers of the same target apart; the same writer reuses what it left behind in a crash.
 */
export async function writeFileAtomically<T>(
  target: string,
  suffix: string,
  modified: Date,
  produce: (sink: Sink) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(target), `${TEMPORARY_PREFIX}${suffix}`);
  const handle = await open(temporary, "w").catch((error: NodeJS.ErrnoException) => {
    throw withTarget(error, target);
  });
  try {
    try {
      const { sink, settled } = writeBehind(handle);
      const result = await produce(sink).finally(settled);
      await handle.utimes(modified, modified);
      await handle.close();
      await rename(temporary, target);
      return result;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    await unlink(temporary).catch((unlinkError: NodeJS.ErrnoException) => {
      if (unlinkError.code !== "ENOENT") throw unlinkError;
    });
    throw withTarget(error as Error, target);
  }
}

/** A sink that writes one chunk while the next one is being read and decrypted. */
function writeBehind(handle: FileHandle): { sink: Sink; settled: () => Promise<void> } {
  let pending: Promise<unknown> = Promise.resolve();
  return {
    sink: async (chunk) => {
      await pending;
      if (chunk.length > 0) pending = writeAll(handle, chunk);
      // A failure is reported by the next await of `pending`, not as an unhandled rejection meanwhile.
      pending.catch(() => {});
    },
    settled: async () => {
      await pending;
    },
  };
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await handle.write(chunk, written, chunk.length - written)).bytesWritten;
  }
}

/** Operating system messages name the temporary file; people look for the real one. */
function withTarget(error: Error, target: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string")
    error.message = `${error.message.split(",")[0]}, ${basename(target)}`;
  return error;
}
