import { z } from "zod";
import { checkName } from "../rules/names.ts";
import { issueSchema } from "./inventory.ts";
import { effectiveSettingsSchema, settingsLayerSchema, storedLayerSchema } from "./settings.ts";

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

export const ROUND_STATES = ["InProgress", "Completed", "CompletedWithErrors", "Failed"] as const;

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** An https URL; http is for this machine only. */
function isSiteUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname))
  );
}

export const destinationSchema = z.object({
  siteUrl: z
    .string()
    .refine(isSiteUrl, "must be an https URL")
    .transform((text) => text.replace(/\/+$/, "")),
  library: z.string().min(1).max(255),
  /** Folder within the library, `/`-separated; empty for the library's root. */
  folder: z
    .string()
    .max(400)
    .default("")
    .transform((text) => text.split("/").filter(Boolean).join("/"))
    .superRefine((folder, context) => {
      folder.split("/").forEach((name, depth) => {
        if (folder === "") return;
        const violation = checkName(name, { isFolder: true, atLibraryRoot: depth === 0 });
        if (violation)
          context.addIssue({ code: "custom", message: `"${name}": ${violation.message}` });
      });
    }),
});
export type Destination = z.infer<typeof destinationSchema>;

/** A destination that was checked when it came in. */
export const placeSchema = z.object({
  siteUrl: z.string(),
  library: z.string(),
  folder: z.string(),
});

export const sessionCreateSchema = z.object({ name: z.string().trim().min(1).max(255) });
export const sessionViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;
export const sessionListSchema = z.object({ sessions: z.array(sessionViewSchema) });

export const taskCreateSchema = z.object({
  name: z.string().trim().min(1).max(255),
  /** The folder whose contents are migrated, as the agent sees it. */
  source: z.string().min(1).max(4_096),
  destination: destinationSchema,
  agentGroup: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default("default"),
  settings: settingsLayerSchema.optional(),
  start: z.enum(["now", "manually"]).default("now"),
});
export type TaskCreate = z.input<typeof taskCreateSchema>;

export const amountSchema = z.object({ items: z.number().int(), bytes: z.number().int() });
export type Amount = z.infer<typeof amountSchema>;

/** A round as it is shown: what each stage has behind it, and what became of the items. */
export const roundViewSchema = z.object({
  number: z.number().int().nonnegative(),
  state: z.enum(ROUND_STATES),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Why the round as a whole failed. */
  failure: issueSchema.optional(),
  /** What the round waits for, if nothing moves ("group default has no connected agent"). */
  waitingFor: z.string().optional(),
  scanFinished: z.boolean(),
  scanned: amountSchema.extend({
    files: z.number().int(),
    folders: z.number().int(),
    issues: z.number().int(),
  }),
  /** Items that need no upload are through all stages at once, so every stage ends at the scanned amount. */
  packaged: amountSchema,
  uploaded: amountSchema,
  imported: amountSchema,
  migrated: amountSchema,
  skipped: amountSchema,
  failed: amountSchema,
});
export type RoundView = z.infer<typeof roundViewSchema>;

export const taskViewSchema = z.object({
  id: z.string(),
  sessionId: z.string(),
  name: z.string(),
  source: z.string(),
  destination: placeSchema,
  agentGroup: z.string(),
  /** What the task itself sets, and what counts for its next round. */
  settings: storedLayerSchema,
  effective: effectiveSettingsSchema,
  state: z.enum(TASK_STATES),
  createdAt: z.iso.datetime(),
  /** The newest round; absent before the first. */
  round: roundViewSchema.optional(),
});
export type TaskView = z.infer<typeof taskViewSchema>;
export const taskListSchema = z.object({ tasks: z.array(taskViewSchema) });

export const reportListSchema = z.object({
  reports: z.array(z.object({ name: z.string(), bytes: z.number().int() })),
});
