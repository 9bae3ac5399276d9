import { type FileHandle, mkdir, open, rename, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";

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
  const handle = await create(temporary).catch((error: NodeJS.ErrnoException) => {
    throw withTarget(error, target);
  });
  try {
    try {
      const { sink, settled } = writeBehind(handle);
      // Whatever happens, no write may be under way when the handle is closed.
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

/**
 * A sink that gathers the chunks, 64 KB each as sockets deliver them, to fewer and larger writes, and writes while the
 * next ones are being read and decrypted.
 */
function writeBehind(handle: FileHandle): { sink: Sink; settled: () => Promise<void> } {
  let gathered: Buffer[] = [];
  let bytes = 0;
  let pending: Promise<void> = Promise.resolve();
  const flush = async () => {
    await pending;
    pending = writeAll(handle, gathered, bytes);
    // A failure is reported by the next await of `pending`, not as an unhandled rejection meanwhile.
    pending.catch(() => {});
    gathered = [];
    bytes = 0;
  };
  return {
    sink: async (chunk) => {
      gathered.push(chunk);
      bytes += chunk.length;
      if (bytes >= WRITE_BYTES) await flush();
    },
    settled: async () => {
      await flush();
      await pending;
    },
  };
}

async function writeAll(handle: FileHandle, chunks: Buffer[], bytes: number): Promise<void> {
  if (bytes === 0) return;
  let { bytesWritten } = await handle.writev(chunks);
  if (bytesWritten === bytes) return;
  // A short write, as a disk that is getting full has them: the rest, until the system says what is wrong.
  for (const rest = Buffer.concat(chunks); bytesWritten < bytes; ) {
    bytesWritten += (await handle.write(rest, bytesWritten)).bytesWritten;
  }
}

/** Operating system messages name the temporary file; people look for the real one. */
function withTarget(error: Error, target: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string")
    error.message = `${error.message.split(",")[0]}, ${basename(target)}`;
  return error;
}
