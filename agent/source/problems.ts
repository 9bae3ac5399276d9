import type { ErrorCode } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";

/** What the system said of one file or folder: "EACCES (scandir)". The path is the reader's business, not the message's. */
export function describeFault(error: unknown): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `${code}${syscall === undefined ? "" : ` (${syscall})`}`;
}

export const faultCode = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException).code;

/** Faults that mean the same wherever they happen. */
const COMMON: Record<string, ErrorCode> = {
  EACCES: "SOURCE_ACCESS_DENIED",
  EPERM: "SOURCE_ACCESS_DENIED",
  ENOENT: "FILE_VANISHED",
  // A folder above has become a file, or a link.
  ENOTDIR: "FILE_VANISHED",
  // Longer than the system itself can open; SharePoint's limit is far below that.
  ENAMETOOLONG: "PATH_TOO_LONG",
};

/** The issue of an item whose metadata or content list could not be read. */
export function metadataIssue(error: unknown): Issue {
  const code = COMMON[faultCode(error) ?? ""] ?? "METADATA_UNREADABLE";
  return { code, message: describeFault(error) };
}

/** The issue of a file whose content could not be read. ELOOP: opened with O_NOFOLLOW, it has become a link. */
export function contentIssue(error: unknown): Issue {
  const fault = faultCode(error) ?? "";
  const code = fault === "ELOOP" ? "FILE_CHANGED" : (COMMON[fault] ?? "SOURCE_READ_FAILED");
  return { code, message: describeFault(error) };
}
