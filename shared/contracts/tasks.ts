import { z } from "zod";
import { checkName } from "../rules/names.ts";
import { agentGroupSchema } from "./agents.ts";
import { flagSchema, momentSchema } from "./api.ts";
import { issueSchema } from "./inventory.ts";
import { newScheduleSchema, scheduleSchema, windowsSchema } from "./schedules.ts";
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

export const ROUND_STATES = [
  "InProgress",
  "Paused",
  "Cancelled",
  "Completed",
  "CompletedWithErrors",
  "Failed",
] as const;

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** An https URL; http is for this machine only. */
function isSiteUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname))
  );
}

const isEmail = (text: string): boolean => z.email().safeParse(text).success;

/** A site, or the e-mail address of the person whose OneDrive is meant. */
const siteSchema = z
  .string()
  .trim()
  .max(400)
  .superRefine((text, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    if (isEmail(text)) return;
    if (!isSiteUrl(text)) refuse("must be an https URL, or the e-mail address of a OneDrive");
    else if (/_layouts\/15\/onedrive\.aspx/i.test(text))
      refuse("is the address of the OneDrive page; give the site's, up to /personal/<name>");
    else if (/[?#]/.test(text))
      refuse('must not have a query or fragment: leave out everything from "?" or "#" on');
  })
  .transform((text) => text.replace(/\/+$/, ""));

export const destinationSchema = z.object({
  siteUrl: siteSchema,
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
  /** Make the library if the site has none of this name. */
  createLibrary: z.boolean().optional(),
});
export type Destination = z.infer<typeof destinationSchema>;

/** A destination that was checked when it came in. */
export const placeSchema = z.object({
  siteUrl: z.string(),
  library: z.string(),
  folder: z.string(),
  createLibrary: z.boolean().optional(),
});

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

/** Why something failed as a whole: what was seen, and what the code means and asks for. */
export const failureSchema = issueSchema.extend({ cause: z.string(), remedy: z.string() });
export type Failure = z.infer<typeof failureSchema>;

export const amountSchema = z.object({ items: z.number().int(), bytes: z.number().int() });
export type Amount = z.infer<typeof amountSchema>;

/** A round as it is shown: what each stage has behind it, and what became of the items. */
export const roundViewSchema = z.object({
  number: z.number().int().nonnegative(),
  state: z.enum(ROUND_STATES),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Why the round as a whole failed. */
  failure: failureSchema.optional(),
  /** What keeps no item back and yet is to be known: the source has no snapshots, the library keeps no versions. */
  warnings: z.array(failureSchema).optional(),
  /** What the round waits for, if nothing moves ("group default has no connected agent"). */
  waitingFor: z.string().optional(),
  /** How far the round is, by the formula of functions/domain/progress.ts; of what has been found so far while the scan goes on. */
  progress: z.object({
    percent: z.number().int().min(0).max(100),
    /** Of the last minutes, in all stages together; absent while nothing runs. Items have two decimals. */
    rate: z.object({ itemsPerSecond: z.number(), bytesPerSecond: z.number().int() }).optional(),
    /** Until the round is through, once the whole source is known. */
    secondsLeft: z.number().int().optional(),
  }),
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

/** What lists show of a task's newest round that is over, or was paused. */
export const lastRoundSchema = z.object({
  number: z.number().int().nonnegative(),
  state: z.enum(ROUND_STATES),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  migrated: amountSchema,
  skipped: amountSchema,
  failed: amountSchema,
});
export type LastRound = z.infer<typeof lastRoundSchema>;

export const taskListItemSchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string(),
  destination: placeSchema,
  agentGroup: z.string(),
  tags: z.array(z.string()),
  state: z.enum(TASK_STATES),
  createdAt: z.iso.datetime(),
  schedule: scheduleSchema.optional(),
  lastRound: lastRoundSchema.optional(),
});
export type TaskListItem = z.infer<typeof taskListItemSchema>;

export const waitingForSchema = z.object({ reason: z.string(), remedy: z.string() });
export type WaitingFor = z.infer<typeof waitingForSchema>;

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
  tags: z.array(z.string()),
  schedule: scheduleSchema.optional(),
  windows: windowsSchema.optional(),
  state: z.enum(TASK_STATES),
  /** What a task that does not move waits for, and what would let it go on. */
  waitingFor: waitingForSchema.optional(),
  /** When its schedule runs it next, and the last run that was left out. */
  nextRunAt: z.iso.datetime().optional(),
  missed: z.object({ at: z.iso.datetime(), reason: z.string() }).optional(),
  createdAt: z.iso.datetime(),
  /** The newest round; absent before the first. */
  round: roundViewSchema.optional(),
});
export type TaskView = z.infer<typeof taskViewSchema>;

export const TASK_ORDERS = ["created", "-created", "name", "-name"] as const;
export type TaskOrder = (typeof TASK_ORDERS)[number];

const isState = (text: string): text is TaskState => TASK_STATES.some((state) => state === text);

function asStates(texts: string[], context: z.RefinementCtx): TaskState[] {
  if (texts.every(isState)) return texts;
  const message = `must be one or several of ${TASK_STATES.join(", ")}, with "," between them`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

const filterFields = {
  group: z.string().min(1).optional(),
  tag: z.string().min(1).optional(),
  /** Part of the name or the source, in any case. */
  text: z.string().trim().max(255).optional(),
  createdFrom: momentSchema.optional(),
  createdBefore: momentSchema.optional(),
};

function requireOrder(
  {
    createdFrom = "",
    createdBefore = "",
  }: { createdFrom?: string | undefined; createdBefore?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (Date.parse(createdFrom) >= Date.parse(createdBefore))
    context.addIssue({
      ...{ code: "custom", path: ["createdBefore"] },
      message: "must be later than createdFrom, or no task could pass",
    });
}

/** A filter as a query has it. */
export const taskFilterSchema = z
  .object({
    /** One or several: "Failed,Paused". */
    state: z
      .string()
      .transform((text) => text.split(",").map((each) => each.trim()))
      .transform(asStates)
      .optional(),
    ...filterFields,
    /** Whether they have a schedule. */
    scheduled: flagSchema.optional(),
  })
  .superRefine(requireOrder);
export type TaskFilter = z.infer<typeof taskFilterSchema>;

/** The same within JSON: states may also be a list, and a switch is one. */
export const taskSelectionSchema = z
  .object({
    state: z
      .union([z.string().transform((text) => text.split(",")), z.array(z.string())], {
        error: 'must be a list of states, or "Failed,Paused"',
      })
      .transform((states) => states.map((each) => each.trim()))
      .transform(asStates)
      .optional(),
    ...filterFields,
    scheduled: z.union([z.boolean(), flagSchema], { error: "must be true or false" }).optional(),
  })
  .superRefine(requireOrder);

export const taskListQuerySchema = taskFilterSchema.extend({
  /** By creation or by name; "-" in front: backwards. Newest first unless told otherwise. */
  sort: z.enum(TASK_ORDERS).default("-created"),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** The `next` of the page before. */
  after: z.string().max(2_000).optional(),
});
export type TaskListQuery = z.infer<typeof taskListQuerySchema>;

export const taskListSchema = z.object({
  tasks: z.array(taskListItemSchema),
  next: z.string().optional(),
});
