import { z } from "zod";
import { resultAmounts } from "./amounts.ts";
import { settingsLayerSchema, storedLayerSchema } from "./settingLevels.ts";
import { TASK_STATES, type TaskState } from "./tasks.ts";

const sessionNameSchema = z.string().trim().min(1).max(255);

export const sessionCreateSchema = z.object({
  name: sessionNameSchema,
  /** What the session's tasks get unless they say otherwise. */
  settings: settingsLayerSchema.optional(),
});
export const sessionPatchSchema = z
  .object({ name: sessionNameSchema, settings: settingsLayerSchema })
  .partial();

export const sessionViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  settings: storedLayerSchema.optional(),
  createdAt: z.iso.datetime(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;

export const sessionListQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().max(200).optional(),
});
export const sessionListSchema = z.object({
  sessions: z.array(sessionViewSchema),
  next: z.string().optional(),
});

const countsSchema = z.record(z.string(), z.number().int());

/** How many tasks are in which state, and what their newest rounds have brought. */
export const sessionSummarySchema = z.object({
  tasks: z.number().int(),
  states: z.object(
    Object.fromEntries(TASK_STATES.map((state) => [state, z.number().int()])) as Record<
      TaskState,
      z.ZodNumber
    >,
  ),
  groups: countsSchema,
  ...resultAmounts,
});
export type SessionSummary = z.infer<typeof sessionSummarySchema>;

export const tagListSchema = z.object({
  tags: z.array(z.object({ tag: z.string(), tasks: z.number().int() })),
});
