import { z } from "zod";
import { isErrorCode } from "./errors.ts";
import { outcomeSchema } from "./outcomes.ts";
import { roundViewSchema } from "./rounds.ts";
import { taskFilterSchema } from "./taskFilters.ts";

export const reportListSchema = z.object({
  reports: z.array(z.object({ name: z.string(), bytes: z.number().int() })),
});

/** Which reports of a task go into an archive. */
export const reportChoiceSchema = z.strictObject({
  /** `latest`: of the newest round that has reports. */
  rounds: z.enum(["latest", "all"]).default("latest"),
  /** `summaries` leaves out the reports with a row per item; `failures` has the failed items as well. */
  reports: z.enum(["all", "summaries", "failures"]).default("all"),
});
export type ReportChoice = z.infer<typeof reportChoiceSchema>;

/** The tasks of a session whose reports are wanted. */
export const reportSelectionSchema = taskFilterSchema.extend({
  /** Part of the name of an agent that worked on the newest round, in any case. */
  agent: z.string().trim().max(255).optional(),
});
export type ReportSelection = z.infer<typeof reportSelectionSchema>;

/** A round in the list of a task's rounds. */
export const roundSummarySchema = roundViewSchema
  .pick({
    number: true,
    state: true,
    startedAt: true,
    endedAt: true,
    failure: true,
    warnings: true,
    scanned: true,
    migrated: true,
    skipped: true,
    failed: true,
  })
  .extend({
    /** Names of the agents that worked on it. */
    agents: z.array(z.string()),
  });
export const roundListSchema = z.object({ rounds: z.array(roundSummarySchema) });

export const itemQuerySchema = z.strictObject({
  result: outcomeSchema.shape.result.optional(),
  /** Not `code`: in a query that is a function key. */
  errorCode: z
    .string()
    .refine(isErrorCode, "must be one of the error codes, like SOURCE_ACCESS_DENIED")
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** From the answer before. */
  after: z
    .string()
    .regex(/^\d{1,9}\.\d{1,9}$/, "must be the token of an earlier answer")
    .optional(),
});
export type ItemQuery = z.infer<typeof itemQuerySchema>;

/** One item of a round with its outcome, in the order of the scan. */
export const itemViewSchema = z.object({
  path: z.string(),
  kind: outcomeSchema.shape.kind,
  size: z.number().int(),
  modified: z.iso.datetime(),
  result: outcomeSchema.shape.result,
  /** Why it was skipped or has failed, or what of it did not come, and what to do about it. */
  code: z.string().optional(),
  message: z.string().optional(),
  remedy: z.string().optional(),
  /** How many older versions came with it; absent without any. */
  versions: z.number().int().optional(),
  /** Id at the destination. */
  id: z.string().optional(),
  package: z.number().int(),
  job: z.string().optional(),
  agent: z.string().optional(),
});
export type ItemView = z.infer<typeof itemViewSchema>;
/** `next` is there as long as there may be more; a page may have fewer items than asked for, or none. */
export const itemListSchema = z.object({
  items: z.array(itemViewSchema),
  next: z.string().optional(),
});
