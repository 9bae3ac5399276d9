import { z } from "zod";
import {
  issueSchema,
  segmentSummarySchema,
  versionLeftOutSchema,
  versionSchema,
} from "./inventory.ts";
import { settingsSchema } from "./settings.ts";

/**
 * What hands work to agents. The queue message names the work item and its epoch only; the agent claims the item over
 * HTTPS and gets the spec, renews its lease with heartbeats, and completes, fails or releases it, always with the epoch.
 */
export const workMessageSchema = z.object({
  version: z.literal(1),
  workItem: z.string().min(1),
  epoch: z.number().int().positive(),
});
export type WorkMessage = z.infer<typeof workMessageSchema>;

/** Walk the source and write inventory segments into a container. */
export const scanSpecSchema = z.object({
  kind: z.literal("scan"),
  source: z.string().min(1),
  /** Container SAS that may create and write, nothing else. */
  containerUrl: z.url(),
  /** Prefix of every blob name, so that a late writer of an earlier lease cannot touch this one's segments. */
  blobPrefix: z.string().regex(/^[a-z0-9-]+$/),
  segmentItems: z.number().int().positive(),
  segmentBytes: z.number().int().positive(),
  /** What becomes of names: two of one folder must not become one at the destination. */
  names: settingsSchema.pick({ invalidCharacters: true, replacementCharacter: true }).optional(),
  /** Entries carry owners and access rights. */
  people: z.literal(true).optional(),
  /**
   * Entries carry up to `keep` older versions from the snapshots of the share. `folder`: where those are, by the
   * pattern of the setting snapshotFolder; without it the agent looks at the usual places. A version counts as an item, and with its bytes, for
   * where a segment ends.
   */
  versions: z
    .object({ keep: z.number().int().positive(), folder: z.string().optional() })
    .optional(),
  /** Where an earlier lease got to: go on after this path with this segment number. */
  resume: z.object({ after: z.string(), segment: z.number().int().positive() }).optional(),
});
export type ScanSpec = z.infer<typeof scanSpecSchema>;

/** Encrypt and upload the files of one package. */
export const uploadSpecSchema = z.object({
  kind: z.literal("upload"),
  source: z.string().min(1),
  containerUrl: z.url(),
  /** base64 of the 32 bytes of the package's content key; held in memory only. */
  contentKey: z.base64(),
  /** Prefix of every blob name, so that a late writer of an earlier lease cannot touch this one's. */
  blobPrefix: z.string().regex(/^[a-z0-9-]+$/),
  archiveSmallFiles: z.boolean(),
  attemptsPerFile: z.number().int().positive(),
  /** Where the snapshots of the share are, if the task says so. */
  snapshotFolder: z.string().optional(),
  files: z.array(
    z.object({
      index: z.number().int().nonnegative(),
      path: z.string().min(1),
      size: z.number().int().nonnegative(),
      modified: z.number().int(),
      /** Older contents to bring as well, oldest first. */
      versions: z.array(versionSchema).min(1).optional(),
    }),
  ),
});
export type UploadSpec = z.infer<typeof uploadSpecSchema>;

export const workSpecSchema = z.discriminatedUnion("kind", [scanSpecSchema, uploadSpecSchema]);
export type WorkSpec = z.infer<typeof workSpecSchema>;

export const claimRequestSchema = z.object({ epoch: z.number().int().positive() });
export const claimResponseSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("granted"),
    epoch: z.number().int().positive(),
    leaseSeconds: z.number().positive(),
    spec: workSpecSchema,
  }),
  z.object({
    status: z.literal("gone"),
    reason: z.string(),
    /** The item waits, but the agent is in another group by now: the message is to stay for the agents of this one. */
    moved: z.literal(true).optional(),
  }),
]);
export type ClaimResponse = z.infer<typeof claimResponseSchema>;

export const scanResultSchema = z.object({
  kind: z.literal("scan"),
  /** Segments that no heartbeat has registered yet. */
  segments: z.array(segmentSummarySchema),
  /** How many segments the whole scan has. */
  totalSegments: z.number().int().nonnegative(),
  /** What is wrong with the source as a whole and keeps no item back (NO_SNAPSHOTS). */
  warnings: z.array(issueSchema).max(10).optional(),
});
export type ScanResult = z.infer<typeof scanResultSchema>;

/** One content as it was stored: the current one of a file, or an older version. */
const storedContentSchema = z.object({
  size: z.number().int().nonnegative(),
  modified: z.number().int(),
  /** Name of the blob, or of the member within `archive`. */
  blob: z.string(),
  archive: z.string().optional(),
  iv: z.base64(),
  /** base64 MD5 of the ciphertext. */
  md5: z.base64(),
  /** base64 QuickXorHash of the plain content, of contents over 15 GB. */
  checksum: z.base64().optional(),
});
export type StoredContent = z.infer<typeof storedContentSchema>;

/** What became of one file of an upload. `size` and `modified` are those of the content that was really read. */
export const uploadedFileSchema = z.discriminatedUnion("status", [
  storedContentSchema.extend({
    status: z.literal("uploaded"),
    index: z.number().int().nonnegative(),
    /** The older versions that were uploaded, oldest first. */
    versions: z.array(storedContentSchema.extend({ snapshot: z.string() })).optional(),
    /** Those that could not be read, or vanished with their snapshot. The file is migrated without them. */
    versionsLeftOut: z.array(versionLeftOutSchema).optional(),
  }),
  z.object({
    status: z.literal("failed"),
    index: z.number().int().nonnegative(),
    issue: issueSchema,
  }),
]);
export type UploadedFile = z.infer<typeof uploadedFileSchema>;

export const uploadResultSchema = z.object({
  kind: z.literal("upload"),
  files: z.array(uploadedFileSchema),
  archives: z.array(z.object({ name: z.string(), checksum: z.base64() })),
});
export type UploadResult = z.infer<typeof uploadResultSchema>;

export const completeRequestSchema = z.object({
  epoch: z.number().int().positive(),
  result: z.discriminatedUnion("kind", [scanResultSchema, uploadResultSchema]),
});
export type CompleteRequest = z.infer<typeof completeRequestSchema>;

/** The whole work item cannot be done by this or any agent (the source is missing, for instance). */
export const failRequestSchema = z.object({
  epoch: z.number().int().positive(),
  issue: issueSchema,
});
export type FailRequest = z.infer<typeof failRequestSchema>;

/** The agent gives the item back unfinished, because it stops. */
export const releaseRequestSchema = z.object({ epoch: z.number().int().positive() });

export const workProgressSchema = z.object({
  workItem: z.string(),
  epoch: z.number().int().positive(),
  /** Items and plaintext bytes done so far by this lease. */
  items: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  /** Scan only: segments written since the last heartbeat that was answered, in order. */
  segments: z.array(segmentSummarySchema).optional(),
});
export type WorkProgress = z.infer<typeof workProgressSchema>;

export const heartbeatRequestSchema = z.object({
  slots: z.number().int().positive(),
  work: z.array(workProgressSchema),
});
export type HeartbeatRequest = z.infer<typeof heartbeatRequestSchema>;

export const heartbeatResponseSchema = z.object({
  heartbeatSeconds: z.number().positive(),
  /**
   * One verdict per reported item, same order. `stop`: the lease is gone or the task was cancelled; drop the work. `yield`: the task
   * pauses; the lease goes on until the file or segment in hand is finished, then the item is given back.
   */
  work: z.array(z.object({ workItem: z.string(), verdict: z.enum(["continue", "yield", "stop"]) })),
  /** Say hello again: the agent belongs to another group now, which has another queue. */
  greet: z.boolean().default(false),
  /** Sources to try, each answered once. */
  checks: z.array(z.object({ id: z.string(), source: z.string() })).default([]),
});
export type Verdict = HeartbeatResponse["work"][number]["verdict"];
export type HeartbeatResponse = z.infer<typeof heartbeatResponseSchema>;
