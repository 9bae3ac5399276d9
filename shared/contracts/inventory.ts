import { z } from "zod";
import { ERRORS, type ErrorCode } from "./errors.ts";
import { accessSchema, principalSchema } from "./people.ts";

/** A code and what was seen, as it is stored with an item and shown in a report. */
export const issueSchema = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(2000),
});
export type Issue = z.infer<typeof issueSchema>;

/**
 * An older content of a file, as a snapshot of the share has it; `snapshot` is the name of the snapshot's folder. Files have them
 * oldest first, and never the current content among them.
 */
export const versionSchema = z.object({
  snapshot: z.string().min(1),
  size: z.number().int().nonnegative(),
  modified: z.number().int(),
});
export type Version = z.infer<typeof versionSchema>;

/** An older version that is not brought, and why. */
export const versionLeftOutSchema = z.object({ snapshot: z.string(), issue: issueSchema });
export type VersionLeftOut = z.infer<typeof versionLeftOutSchema>;

/**
 * One item of the walk, as one JSON line of an inventory segment. Keys are short because there are as many lines as files.
 * `path` is relative to the source, with `/`, exactly as the file system spells it; times are milliseconds since 1970 UTC.
 */
export const inventoryEntrySchema = z.object({
  path: z.string().min(1),
  /** `other`: a link, socket, pipe or device; always with an issue. */
  kind: z.enum(["file", "folder", "other"]),
  size: z.number().int().nonnegative(),
  modified: z.number().int(),
  created: z.number().int(),
  /** The file system marks it as hidden. Names that begin with a period need no mark. */
  hidden: z.boolean().optional(),
  /** Login of the owner, if the scan asks for people. */
  owner: principalSchema.optional(),
  /** Who may do what, if the scan asks for people and it is not the same as for the folder above. */
  access: z.array(accessSchema).optional(),
  /** Older contents of a file, if the scan asks for them and there are any. */
  versions: z.array(versionSchema).min(1).optional(),
  /** What the walk already knows to be wrong with the item (unreadable, not a file, differs by case only). */
  issue: issueSchema.optional(),
});
export type InventoryEntry = z.infer<typeof inventoryEntrySchema>;

/**
 * The first line of a segment. `open` are the folders above the first entry, outermost first: a package has to name every
 * folder above its items, because packages are imported in any order.
 */
export const segmentHeaderSchema = z.object({
  version: z.literal(1),
  segment: z.number().int().nonnegative(),
  open: z.array(inventoryEntrySchema),
});
export type SegmentHeader = z.infer<typeof segmentHeaderSchema>;

/**
 * What an agent registers for a segment once its blob is written. Segments are numbered from 0 without gaps. `items` and `bytes`
 * are those of the walk; versions count for where a segment ends, not here.
 */
export const segmentSummarySchema = z.object({
  segment: z.number().int().nonnegative(),
  blob: z.string().regex(/^[a-z0-9-]+\.jsonl\.gz$/),
  items: z.number().int().positive(),
  files: z.number().int().nonnegative(),
  folders: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  issues: z.number().int().nonnegative(),
  first: z.string(),
  last: z.string(),
});
export type SegmentSummary = z.infer<typeof segmentSummarySchema>;
