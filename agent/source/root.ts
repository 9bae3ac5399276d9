import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { describeFault, faultCode } from "./problems.ts";

/**
 * The real path of a task's source folder. Throws LongshoreError: SOURCE_NOT_FOUND, SOURCE_ACCESS_DENIED, or
 * SOURCE_NOT_ALLOWED when `roots` are given and the folder, after links are resolved, is not within one of them.
 */
export async function openRoot(source: string, roots: readonly string[]): Promise<string> {
  if (!isAbsolute(source))
    throw new LongshoreError(
      "SOURCE_NOT_FOUND",
      `"${source}" is not an absolute path on the agent`,
    );
  let real: string;
  try {
    real = await realpath(source);
    if (!(await stat(real)).isDirectory())
      throw new LongshoreError("SOURCE_NOT_FOUND", `"${source}" is not a folder`);
  } catch (error) {
    throw unusable(source, error);
  }
  if (roots.length > 0) await checkAllowed(source, real, roots);
  return real;
}

/** The error for a root that cannot be used, whatever was tried with it. */
export function unusable(source: string, error: unknown): LongshoreError {
  if (error instanceof LongshoreError) return error;
  const denied = ["EACCES", "EPERM"].includes(faultCode(error) ?? "");
  return new LongshoreError(
    denied ? "SOURCE_ACCESS_DENIED" : "SOURCE_NOT_FOUND",
    `"${source}": ${describeFault(error)}`,
  );
}

async function checkAllowed(source: string, real: string, roots: readonly string[]): Promise<void> {
  if ((await realRoots(roots)).some((root) => isWithin(real, root))) return;
  throw new LongshoreError(
    "SOURCE_NOT_ALLOWED",
    `"${source}" is not within a source root of this agent`,
  );
}

/** Where the roots really are. One that is not there at the moment allows nothing. */
export async function realRoots(roots: readonly string[]): Promise<string[]> {
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => [])));
  return real.flat();
}

/** Whether `path` is `folder` or lies below it; both absolute, without links. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}
