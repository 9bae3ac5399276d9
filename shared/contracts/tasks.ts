import { z } from "zod";
import { agentGroupSchema } from "./agents.ts";
import { destinationSchema, placeSchema } from "./destinations.ts";
import { lastRoundSchema, roundViewSchema } from "./rounds.ts";
import { newScheduleSchema, scheduleSchema, windowsSchema } from "./schedules.ts";
import {
  effectiveSettingsSchema,
  settingsLayerSchema,
  storedLayerSchema,
} from "./settingLevels.ts";

export const TASK_STATES = [
  "Scheduled",
  "Queued",
  "InProgress",
  "Pausing",
  "Paused",
  "Cancelling",
  "Cancelled",
  "Completed",
  "CompletedWithErrors",
  "Failed",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const MAX_TAGS = 10;

/** Labels of a task, told apart by case; ";" stands between them in CSV files. */
export const tagsSchema = z
  .array(
    z
      .string()
      .trim()
      .min(1)
      .max(64)
      .regex(/^[^;]*$/, 'must not contain ";"'),
  )
  .transform((tags) => [...new Set(tags)])
  .pipe(z.array(z.string()).max(MAX_TAGS, `a task has at most ${MAX_TAGS} tags`));

const taskNameSchema = z.string().trim().min(1).max(255);

/** How sources look: shares, drives, and paths from the root. */
export const ABSOLUTE = /^(\\\\[^\\/]+[\\/][^\\/]+|\/|[A-Za-z]:[\\/])/;

/** The folder whose contents are migrated, as the agent sees it. */
const sourceSchema = z
  .string()
  .max(4_096)
  .regex(ABSOLUTE, "is not an absolute path, like \\\\server\\share\\folder or /srv/share")
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");

export const taskCreateSchema = z.object({
  name: taskNameSchema,
  source: sourceSchema,
  destination: destinationSchema,
  agentGroup: agentGroupSchema.default("default"),
  tags: tagsSchema.default([]),
  settings: settingsLayerSchema.optional(),
  schedule: newScheduleSchema.optional(),
  windows: windowsSchema.optional(),
  /** Without it a task with a schedule waits for that, any other starts at once. */
  start: z.enum(["now", "manually"]).optional(),
});
export type TaskCreate = z.input<typeof taskCreateSchema>;

/** What is named is replaced as a whole; `null` takes a schedule away. */
export const taskPatchSchema = z
  .object({
    name: taskNameSchema,
    /** Source and destination cannot change once a round has begun. */
    source: sourceSchema,
    destination: destinationSchema,
    agentGroup: agentGroupSchema,
    tags: tagsSchema,
    settings: settingsLayerSchema,
    schedule: newScheduleSchema.nullable(),
    windows: windowsSchema,
  })
  .partial();
export type TaskPatch = z.infer<typeof taskPatchSchema>;

/** What is shown of a task wherever it is. */
const shownTaskSchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string(),
  destination: placeSchema,
  agentGroup: z.string(),
  tags: z.array(z.string()),
  state: z.enum(TASK_STATES),
  createdAt: z.iso.datetime(),
  schedule: scheduleSchema.optional(),
});

export const taskListItemSchema = shownTaskSchema.extend({ lastRound: lastRoundSchema.optional() });
export type TaskListItem = z.infer<typeof taskListItemSchema>;

export const waitingForSchema = z.object({ reason: z.string(), remedy: z.string() });
export type WaitingFor = z.infer<typeof waitingForSchema>;

export const taskViewSchema = shownTaskSchema.extend({
  sessionId: z.string(),
  /** What the task itself sets, and what counts for its next round. */
  settings: storedLayerSchema,
  effective: effectiveSettingsSchema,
  windows: windowsSchema.optional(),
  /** What a task that does not move waits for, and what would let it go on. */
  waitingFor: waitingForSchema.optional(),
  /** When its schedule runs it next, and the last run that was left out. */
  nextRunAt: z.iso.datetime().optional(),
  missed: z.object({ at: z.iso.datetime(), reason: z.string() }).optional(),
  /** The newest round; absent before the first. */
  round: roundViewSchema.optional(),
});
export type TaskView = z.infer<typeof taskViewSchema>;

export const taskListSchema = z.object({
  tasks: z.array(taskListItemSchema),
  next: z.string().optional(),
});
