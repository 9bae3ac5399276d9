import { z } from "zod";
import {
  amountSchema,
  resultAmounts,
  scannedAmount,
  stageAmounts,
} from "../../shared/contracts/amounts.ts";
import { placeSchema } from "../../shared/contracts/destinations.ts";
import { issueSchema, segmentSummarySchema } from "../../shared/contracts/inventory.ts";
import { lastRoundSchema, ROUND_STATES } from "../../shared/contracts/rounds.ts";
import { scheduleSchema, windowsSchema } from "../../shared/contracts/schedules.ts";
import { storedLayerSchema } from "../../shared/contracts/settingLevels.ts";
import { settingsSchema } from "../../shared/contracts/settings.ts";
import { TASK_STATES } from "../../shared/contracts/tasks.ts";

/** What the tables hold. Every schema here is one kind of row; see stores/ for the keys. */

export const sessionRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** What the session sets for its tasks. */
  settings: storedLayerSchema.optional(),
  createdAt: z.string(),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

export const taskRecordSchema = z.object({
  id: z.string(),
  sessionId: z.string(),
  name: z.string(),
  source: z.string(),
  destination: placeSchema,
  agentGroup: z.string(),
  /** What the task itself sets; see domain/settings.ts for what counts. */
  settings: storedLayerSchema,
  tags: z.array(z.string()).default([]),
  schedule: scheduleSchema.optional(),
  windows: windowsSchema.optional(),
  state: z.enum(TASK_STATES),
  createdAt: z.string(),
  /** Place among the tasks that were created at the same moment. */
  order: z.number().int().optional(),
  /** What the newest round has brought, for lists; the round's own row has the rest. */
  lastRound: lastRoundSchema.optional(),
  /** Number of the newest round, and of the round whose outcomes the next one is compared with. */
  round: z.number().int().optional(),
  ledgerRound: z.number().int().optional(),
  /** Its place in the queue of an agent group, since it was queued last. */
  queued: z.object({ at: z.string(), group: z.string() }).optional(),
  /** A run of the schedule that was left out, and why. */
  missed: z.object({ at: z.string(), reason: z.string() }).optional(),
  /** Why the task is paused, and whether a window or a person has done it: windows undo only what windows did. */
  paused: z
    .object({ by: z.enum(["person", "window"]), reason: z.string(), at: z.string() })
    .optional(),
  /** The last changes of state, counted from 1, for those who are to be told of them. */
  changes: z
    .array(
      z.object({
        n: z.number().int(),
        from: z.enum(TASK_STATES),
        to: z.enum(TASK_STATES),
        at: z.string(),
      }),
    )
    .optional(),
  /** The next integer id that no list item of the task has had. */
  nextIntId: z.number().int(),
});
export type TaskRecord = z.infer<typeof taskRecordSchema>;

/** The destination library with the ids that a package names. URLs are server-relative. */
export const targetSchema = z.object({
  origin: z.string(),
  siteId: z.string(),
  siteUrl: z.string(),
  webId: z.string(),
  webUrl: z.string(),
  webRootFolderId: z.string(),
  listId: z.string(),
  listTitle: z.string(),
  rootFolderId: z.string(),
  rootFolderUrl: z.string(),
  /** Folders of the task's destination folder, outermost first; `id` when they exist already. */
  folders: z.array(z.object({ path: z.string(), id: z.string().optional() })),
  /** The library keeps no versions. */
  versioningOff: z.literal(true).optional(),
  /** Only a place to compute paths with; see nominalTarget.ts. */
  nominal: z.literal(true).optional(),
});
export type Target = z.infer<typeof targetSchema>;

export const roundRecordSchema = z.object({
  taskId: z.string(),
  number: z.number().int(),
  /** Names the orchestration that may work on the round; whoever brings another one is fenced off. */
  run: z.string(),
  state: z.enum(ROUND_STATES),
  /** What people want of the round that is in progress; agents and lanes stop when they see it. */
  wish: z.enum(["pause", "cancel"]).optional(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  failure: issueSchema.optional(),
  /** What the scan says of the source as a whole, once it has ended. */
  warnings: z.array(issueSchema).optional(),
  /** The task as it was when the round began: what is changed later never touches a round that runs. */
  source: z.string(),
  destination: placeSchema,
  agentGroup: z.string(),
  settings: settingsSchema,
  /** There as soon as the round is open for its lanes. */
  target: targetSchema.optional(),
  ledgerRound: z.number().int().optional(),
  intIdBase: z.number().int(),
  /**
   * Segments below this number may have been imported by an earlier run that was cut off, whatever their rows say: the
   * destination is asked about them first.
   */
  suspectSegments: z.number().int(),
  inventoryContainer: z.string(),
  scan: z.object({
    finished: z.boolean(),
    segments: z.number().int(),
    ...scannedAmount,
    lastPath: z.string().optional(),
  }),
  /** The next segment a lane takes. */
  nextSegment: z.number().int(),
  recorded: z.number().int(),
  /** Packages of which items were cancelled. */
  cancelled: z.number().int().default(0),
  ...stageAmounts,
  ...resultAmounts,
  /** What was done at moments of the last minutes, for the rate; see progress.ts. */
  samples: z.array(z.object({ at: z.number(), items: z.number(), bytes: z.number() })).optional(),
  /** Agents that worked on the round, for the reports. */
  agents: z.array(z.string()),
});
export type RoundRecord = z.infer<typeof roundRecordSchema>;

export const laneRecordSchema = z.object({
  run: z.string(),
  sequence: z.number().int(),
  /** The segment the lane has in hand; absent while it waits for one. */
  segment: z.number().int().optional(),
  instance: z.string(),
});
export type LaneRecord = z.infer<typeof laneRecordSchema>;

export const PACKAGE_STATES = [
  "scanned",
  "planned",
  "sealed",
  "submitting",
  "importing",
  "imported",
  "recorded",
] as const;
export type PackageState = (typeof PACKAGE_STATES)[number];

export const packageRecordSchema = z.object({
  summary: segmentSummarySchema,
  state: z.enum(PACKAGE_STATES),
  /** Counts the plans; each has its own containers and key. */
  attempt: z.number().int(),
  /** How many of the stages packaged, uploaded, imported, recorded are in the round's counters already. */
  counted: z.number().int().min(0).max(4),
  containers: z
    .object({
      data: z.string(),
      manifest: z.string(),
      /** The own account they are in, if it is not the usual one: the host of the destination. */
      storage: z.string().optional(),
      /** SharePoint's containers, which it removes by itself. */
      lent: z.boolean().optional(),
      /** Whether SharePoint reports the job to a queue. */
      queue: z.boolean().optional(),
      /** URLs with rights in them, sealed with the package's key: SharePoint's containers and its queue. */
      sealed: z.base64().optional(),
    })
    .optional(),
  key: z.object({ id: z.string(), wrapped: z.base64(), createdAt: z.string() }).optional(),
  /** Files to upload and objects to import of the plan. */
  files: z.number().int().optional(),
  folders: z.number().int().optional(),
  /** Epoch of the upload whose result counts. */
  uploadEpoch: z.number().int().optional(),
  /** Who asks SharePoint for the job: of several who run the same activity, one. */
  submission: z.string().optional(),
  job: z.string().optional(),
  agent: z.string().optional(),
  /** Items of it were cancelled: should the round go on after all, the package is done again. */
  cancelled: z.literal(true).optional(),
  recordedAt: z.string().optional(),
  /** What became of the items, once recorded. */
  result: z.object(resultAmounts).optional(),
});
export type PackageRecord = z.infer<typeof packageRecordSchema>;

export const workRecordSchema = z.object({
  id: z.string(),
  kind: z.enum(["scan", "upload"]),
  taskId: z.string(),
  round: z.number().int(),
  run: z.string(),
  segment: z.number().int().optional(),
  group: z.string(),
  /** The orchestration that waits for the item. */
  instance: z.string(),
  state: z.enum(["queued", "leased", "done", "failed", "cancelled"]),
  epoch: z.number().int(),
  /** Leases that ended without a result. */
  lost: z.number().int(),
  offeredAt: z.string(),
  agentId: z.string().optional(),
  leaseUntil: z.string().optional(),
  progress: amountSchema,
  issue: issueSchema.optional(),
  /** Why its group could not be told of it, while that is so. */
  unannounced: z.string().optional(),
});
export type WorkRecord = z.infer<typeof workRecordSchema>;

export const agentRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  group: z.string(),
  version: z.string(),
  platform: z.string(),
  publicKey: z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() }),
  slots: z.number().int(),
  busy: z.number().int(),
  /** Work items it had in hand at its last heartbeat. */
  work: z.array(z.string()).default([]),
  /** False from when an administrator disables it until he enables it again. */
  enabled: z.boolean().default(true),
  protocol: z.number().int().default(1),
  /** The folders the agent says it may read; none means any. It refuses others itself. */
  sourceRoots: z.array(z.string()).default([]),
  /** The group whose queue it was last told. */
  greetedGroup: z.string().optional(),
  /** Sources an administrator wants it to try, until it has answered. */
  checks: z.array(z.object({ id: z.string(), source: z.string() })).default([]),
  enrolledAt: z.string(),
  lastSeenAt: z.string(),
});
export type AgentRecord = z.infer<typeof agentRecordSchema>;

/** A source that an administrator has an agent try. */
export const sourceCheckRecordSchema = z.object({
  id: z.string(),
  agentId: z.string(),
  source: z.string(),
  askedAt: z.string(),
  answeredAt: z.string().optional(),
  ok: z.boolean().optional(),
  detail: z.string().optional(),
});
export type SourceCheckRecord = z.infer<typeof sourceCheckRecordSchema>;

export const enrolmentTokenRecordSchema = z.object({
  id: z.string(),
  /** base64 SHA-256 of the secret half; the secret itself is stored nowhere. */
  hash: z.string(),
  uses: z.number().int(),
  expires: z.string(),
  createdAt: z.string().optional(),
  /** The only group an agent may join with it. */
  group: z.string().optional(),
});
export type EnrolmentTokenRecord = z.infer<typeof enrolmentTokenRecordSchema>;
