import { z } from "zod";
import { issueSchema } from "./inventory.ts";

/**
 * What happened to one item in one round, as one JSON line of an outcome blob. The outcomes of a round are in walk order
 * and are the ledger the next round is compared with.
 */
export const outcomeSchema = z.object({
  path: z.string().min(1),
  kind: z.enum(["file", "folder", "other"]),
  size: z.number().int().nonnegative(),
  modified: z.number().int(),
  created: z.number().int(),
  /** Path below the task's destination folder, where it is not `path`: invalid characters were replaced. */
  destinationPath: z.string().optional(),
  /** A folder that somebody else made: it is used under its own id and left as it is. */
  adopted: z.literal(true).optional(),
  result: z.enum(["migrated", "skipped", "failed"]),
  /** Why it was skipped or has failed; of a migrated file, which of its older versions did not come. */
  issue: issueSchema.optional(),
  /** Identity at the destination: the same path keeps it for ever. Absent for items that never can have one. */
  id: z.string().optional(),
  listItemId: z.string().optional(),
  intId: z.number().int().optional(),
  /** What of the item is at the destination now: the version that was last imported, and by which round. */
  arrived: z
    .object({ modified: z.number().int(), size: z.number().int(), round: z.number().int() })
    .optional(),
  /** How many older versions came with it in this round. */
  olderVersions: z.number().int().positive().optional(),
  /** Number of the package and id of the import job that carried it in this round. */
  package: z.number().int().nonnegative(),
  job: z.string().optional(),
  agent: z.string().optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;
