import { z } from "zod";
import { flagSchema } from "./api.ts";
import { assessmentSchema, READINESS } from "./assessment.ts";
import { bulkProblemSchema } from "./bulk.ts";
import { placeSchema } from "./destinations.ts";
import { failureSchema, roundViewSchema } from "./rounds.ts";
import { effectiveSettingsSchema, storedLayerSchema } from "./settingLevels.ts";
import { TASK_STATES, taskCreateSchema, waitingForSchema } from "./tasks.ts";

/** A source to scan. With a destination its paths and what is there already are looked at, too. */
export const scanCreateSchema = taskCreateSchema
  .pick({ source: true, agentGroup: true, tags: true, settings: true })
  .extend({
    /** The source itself unless told otherwise. */
    name: taskCreateSchema.shape.name.optional(),
    destination: taskCreateSchema.shape.destination.optional(),
    start: z.enum(["now", "manually"]).default("now"),
  });
export type ScanCreate = z.input<typeof scanCreateSchema>;

const scanSchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string(),
  destination: placeSchema.optional(),
  agentGroup: z.string(),
  tags: z.array(z.string()),
  state: z.enum(TASK_STATES),
  createdAt: z.iso.datetime(),
  /** Of the last scan that came to its end; absent before. */
  readiness: z.enum(READINESS).optional(),
});

export const scanListItemSchema = scanSchema.extend({
  scannedAt: z.iso.datetime().optional(),
  files: z.number().int().optional(),
  folders: z.number().int().optional(),
  bytes: z.number().int().optional(),
  /** Items that issues keep back. */
  keptBack: z.number().int().optional(),
  longestPath: z.number().int().optional(),
});
export type ScanListItem = z.infer<typeof scanListItemSchema>;

export const scanListSchema = z.object({
  scans: z.array(scanListItemSchema),
  next: z.string().optional(),
});

export const scanViewSchema = scanSchema.extend({
  settings: storedLayerSchema,
  effective: effectiveSettingsSchema,
  waitingFor: waitingForSchema.optional(),
  /** The newest round, also while it runs. */
  round: roundViewSchema.optional(),
  /** Why the last scan failed as a whole. */
  failure: failureSchema.optional(),
  assessment: assessmentSchema.optional(),
});
export type ScanView = z.infer<typeof scanViewSchema>;

/** Makes a task of a scan; what is not named here is the scan's own. */
export const scanCopySchema = taskCreateSchema
  .pick({ settings: true, schedule: true, windows: true, start: true })
  .extend({
    session: z.string().min(1).max(32).toLowerCase(),
    name: taskCreateSchema.shape.name.optional(),
    /** Needed when the scan has none. */
    destination: taskCreateSchema.shape.destination.optional(),
    agentGroup: taskCreateSchema.shape.agentGroup.unwrap().optional(),
    tags: taskCreateSchema.shape.tags.unwrap().optional(),
  });
export type ScanCopy = z.input<typeof scanCopySchema>;

export const scanBulkQuerySchema = z.object({
  agentGroup: taskCreateSchema.shape.agentGroup,
  /** Only say what would be scanned. */
  dryRun: flagSchema.default(false),
});

/** Nothing is created when a row is wrong. */
export const scanBulkResultSchema = z.object({
  rows: z.number().int(),
  problems: z.array(bulkProblemSchema),
  /** Scans that were created, or those there were already, in the order of the rows. */
  scans: z.array(
    z.object({ row: z.number().int(), source: z.string(), scan: z.string(), isNew: z.boolean() }),
  ),
});
export type ScanBulkResult = z.infer<typeof scanBulkResultSchema>;
