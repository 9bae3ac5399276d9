import { MAX_FILE_BYTES } from "./limits.ts";
import type { RuleViolation } from "./names.ts";

/** Undefined when SharePoint takes a file of `bytes`, otherwise FILE_TOO_LARGE. Empty files are fine. */
export function checkFileSize(bytes: number): RuleViolation | undefined {
  if (bytes <= MAX_FILE_BYTES) return undefined;
  return {
    code: "FILE_TOO_LARGE",
    message: `the file has ${bytes} bytes, SharePoint takes ${MAX_FILE_BYTES}`,
  };
}
