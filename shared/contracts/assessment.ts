import { z } from "zod";
import { amountSchema } from "./amounts.ts";

/** What a scan warns of although the item is migrated. */
export const WARNINGS = {
  LONG_PATH: {
    cause: "The path at the destination has more than 300 of SharePoint's 400 characters.",
    remedy: "Shorten folder names before somebody renames a folder above and crosses the limit.",
  },
  LONG_LOCAL_PATH: {
    cause:
      "Synced to a computer, the path would have more than 260 characters: OneDrive will not sync it, or programs will not open it.",
    remedy: "Shorten folder names, or choose a destination that is less deep.",
  },
  COMPANION_FOLDER: {
    cause:
      "The folder is named like the companion of a saved web page; some interfaces hide such folders or refuse to rename them.",
    remedy: "Rename the folder if it is no such companion.",
  },
  MANY_UNIQUE_PERMISSIONS: {
    cause:
      "More than 5,000 items get permissions of their own; SharePoint advises against more in one library.",
    remedy:
      "Give permissions to folders rather than to files at the source, spread the source over several libraries, or set preservePermissions to false.",
  },
  TOO_MANY_UNIQUE_PERMISSIONS: {
    cause:
      "More than 50,000 items get permissions of their own, which is SharePoint's limit for one library: those beyond it will be refused.",
    remedy:
      "Give permissions to folders rather than to files at the source, spread the source over several libraries, or set preservePermissions to false.",
  },
} as const;
export type WarningCode = keyof typeof WARNINGS;

export const READINESS = ["Ready", "Warning", "Error"] as const;

const filesSchema = z.object({ files: z.number().int(), bytes: z.number().int() });

/** What one round's scan says about its source. All lists are bounded, however large the source is. */
export const assessmentSchema = z.object({
  /**
   * Error: the scan failed, or nothing of a source that is not empty can be migrated. Warning: some items stay behind because
   * of an issue, or will be at the destination with one. Ready: neither. What settings leave out is no issue.
   */
  readiness: z.enum(READINESS),
  /** Everything that was found. */
  files: z.number().int(),
  folders: z.number().int(),
  others: z.number().int(),
  bytes: z.number().int(),
  /** What the task migrates, or would; what it did already; what settings and rules leave out; what issues keep back. */
  toMigrate: amountSchema,
  alreadyThere: amountSchema,
  leftOut: amountSchema,
  keptBack: amountSchema,
  /** Which classes of Migration Manager's overview the source belongs to. */
  sizeClass: z.string(),
  countClass: z.string(),
  /** The longest path at the destination: decoded characters from the first "/" after the host name; 400 are allowed. */
  longestPath: z.object({ length: z.number().int(), path: z.string() }).optional(),
  largestFiles: z.array(z.object({ path: z.string(), bytes: z.number().int() })),
  /** By bytes, largest first; in lower case, "" for none. */
  extensions: z.array(filesSchema.extend({ extension: z.string() })),
  otherExtensions: filesSchema,
  /** By the time of the last change, counted back from the scan. */
  ages: z.array(filesSchema.extend({ age: z.string() })),
  issues: z.array(
    z.object({
      code: z.string(),
      /** Whether the items stay behind. */
      keepsBack: z.boolean(),
      items: z.number().int(),
      cause: z.string(),
      remedy: z.string(),
      /** Paths of the first few. */
      examples: z.array(z.string()),
    }),
  ),
});
export type Assessment = z.infer<typeof assessmentSchema>;
