import { z } from "zod";
import { flagSchema } from "./api.ts";
import { lastRoundSchema } from "./rounds.ts";
import { scheduleSchema } from "./schedules.ts";
import { sessionViewSchema } from "./sessions.ts";
import { settingsLayerSchema } from "./settingLevels.ts";
import { TASK_STATES, taskCreateSchema } from "./tasks.ts";

/* Many tasks at once: files of tasks, and whole sessions. */

export const MAX_BULK_TASKS = 50_000;

export const bulkQuerySchema = z.object({
  /** Told by the content unless given. */
  format: z.enum(["auto", "migration-manager", "longshore"]).default("auto"),
  /** Whether a single bad row keeps all others from being created. */
  mode: z.enum(["all-or-nothing", "valid-only"]).default("all-or-nothing"),
  /** Only say what would be created. */
  dryRun: flagSchema.default(false),
});
export type BulkQuery = z.infer<typeof bulkQuerySchema>;

export const BULK_FORMATS = [
  "migration-manager-csv",
  "migration-manager-json",
  "longshore-csv",
] as const;
export type BulkFormat = (typeof BULK_FORMATS)[number];

export const bulkProblemSchema = z.object({
  /** As a spreadsheet counts, or the place in `Tasks`; 0: the file as a whole. */
  row: z.number().int(),
  column: z.string(),
  value: z.string(),
  message: z.string(),
  fix: z.string(),
  /** The task that has the same source and destination. */
  existing: z.string().optional(),
});
export type BulkProblem = z.infer<typeof bulkProblemSchema>;

/**
 * created; valid, but not created (a dry run, or others are not valid); invalid; duplicate of a row before or of a task of
 * the session.
 */
export const BULK_ROW_STATES = ["created", "valid", "invalid", "duplicate"] as const;

export const bulkResultSchema = z.object({
  id: z.string(),
  format: z.enum(BULK_FORMATS),
  mode: bulkQuerySchema.shape.mode.unwrap(),
  dryRun: z.boolean(),
  rows: z.number().int(),
  created: z.number().int(),
  valid: z.number().int(),
  invalid: z.number().int(),
  duplicates: z.number().int(),
  problems: z.array(bulkProblemSchema),
  /** What has no effect, and keeps no row from being created. */
  warnings: z.array(bulkProblemSchema),
  results: z.array(
    z.object({
      row: z.number().int(),
      status: z.enum(BULK_ROW_STATES),
      /** The task that was created, or the one that a duplicate repeats. */
      task: z.string().optional(),
    }),
  ),
  /** Where all of this can be downloaded as CSV, below the API's root. */
  resultFile: z.string(),
});
export type BulkResult = z.infer<typeof bulkResultSchema>;

/** A session with all its tasks, to be kept or brought into another installation. */
export const sessionFileSchema = z.object({
  kind: z.literal("longshore-session"),
  version: z.literal(1),
  exportedAt: z.iso.datetime(),
  session: z.object({
    name: z.string().trim().min(1).max(255),
    settings: settingsLayerSchema.optional(),
  }),
  tasks: z
    .array(
      taskCreateSchema.omit({ start: true }).extend({
        /** Also one that was over when the file was written. */
        schedule: scheduleSchema.optional(),
        /** How the task stood. It is not taken over: what was migrated is known to the installation that did it. */
        state: z.enum(TASK_STATES).optional(),
        createdAt: z.iso.datetime().optional(),
        lastRound: lastRoundSchema.optional(),
      }),
    )
    .max(MAX_BULK_TASKS),
});
export type SessionFile = z.infer<typeof sessionFileSchema>;

export const sessionImportedSchema = z.object({
  session: sessionViewSchema,
  tasks: z.number().int(),
  /** Tasks of the file that repeat one before, by their places in it, counted from 1. */
  duplicates: z.array(z.number().int()),
});
export type SessionImported = z.infer<typeof sessionImportedSchema>;
