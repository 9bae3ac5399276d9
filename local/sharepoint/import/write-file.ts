import { once } from "node:events";
import { type FileHandle, mkdir, open, rename, unlink, utimes } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { finished } from "node:stream/promises";

/** Chunks come from sockets in pieces of 64 KB; they are gathered to fewer and larger writes. */
const WRITE_BYTES = 512 * 1024;

export type Sink = (chunk: Buffer) => Promise<void>;

/**
 * Puts a file at `target` in one step: content is produced into the file `temporary` on the same disk, which gets its time
 * and is then renamed. If anything fails, `target` is what it was before and the temporary file is gone.
 */
export async function writeFileAtomically<T>(
  target: string,
  temporary: string,
  modified: Date,
  produce: (sink: Sink) => Promise<T>,
): Promise<T> {
  try {
    const stream = (await create(temporary)).createWriteStream({ highWaterMark: WRITE_BYTES });
    const closed = finished(stream);
    // It is awaited later; until then a failure is no unhandled rejection.
    closed.catch(() => {});
    try {
      const result = await produce(async (chunk) => {
        if (stream.errored) throw stream.errored;
        if (!stream.write(chunk)) await once(stream, "drain");
      });
      stream.end();
      await closed;
      await utimes(temporary, modified, modified);
      await rename(temporary, target);
      return result;
    } catch (error) {
      stream.destroy();
      await closed.catch(() => {});
      await unlink(temporary).catch((unlinkError: NodeJS.ErrnoException) => {
        if (unlinkError.code !== "ENOENT") throw unlinkError;
      });
      throw error;
    }
  } catch (error) {
    throw withTarget(error as Error, target);
  }
}

/** The folder is made again whenever it is missing: another job that ended may have taken it away. */
async function create(file: string): Promise<FileHandle> {
  try {
    return await open(file, "w");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(dirname(file), { recursive: true });
    return open(file, "w");
  }
}

/** Operating system messages name the temporary file; people look for the real one. */
function withTarget(error: Error, target: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string")
    error.message = `${error.message.split(",")[0]}, ${basename(target)}`;
  return error;
}
