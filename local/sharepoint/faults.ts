import { createHash } from "node:crypto";
import { z } from "zod";

const milliseconds = z.int().min(0).default(0);
/** A share from 0 (never) to 1 (always). */
const rate = z.number().min(0).max(1).default(0);

/** What the simulator can be told to do wrong, or otherwise. By default it does what the service is documented or seen to do. */
const faultsSchema = z.strictObject({
  /** Decides what happens where a rate leaves it open: the same calls and jobs in the same order meet the same faults. */
  seed: z.int().default(1),
  /**
   * strict: what the docs demand is demanded: the right gWebId, a SourceType, the queue rights "rau" and no others.
   * lenient: what tools got away with is no warning either: missing optional files, missing snapshots, any gWebId.
   */
  strictness: z.enum(["strict", "normal", "lenient"]).default("normal"),
  /** Time a job waits in the queue before it starts (the service takes one to two and a half minutes). */
  startDelayMs: milliseconds,
  /** Every job is postponed once for this long, with a JobPostponed event. */
  postponeMs: milliseconds,
  /** REST calls that are answered with `throttleStatus` and Retry-After. */
  throttleRate: rate,
  throttleStatus: z.literal([429, 503]).default(429),
  retryAfterSeconds: z.int().min(0).default(1),
  /** REST calls per minute, 0 for any number: from 80 % on answers carry RateLimit headers, beyond it they are 429. */
  callsPerMinute: z.int().min(0).default(0),
  /** How long that minute is. */
  minuteSeconds: z.number().positive().default(60),
  /** Events that are reported twice. */
  duplicateEventRate: rate,
  /** Events are reported so much after they happened, JobEnd too. */
  lateEventsMs: milliseconds,
  /** Events that are reported after the one that follows them. */
  reorderEventRate: rate,
  /** Jobs end without a JobEnd event; their status says None all the same. */
  dropJobEnd: z.boolean().default(false),
  /** How long the SAS of provided containers lasts, and how long after its submission a job can read any container. */
  containerLifetimeSeconds: z
    .int()
    .min(0)
    .default(3 * 24 * 3600),
  /** Files that fail with a JobError although nothing is wrong with them. */
  itemErrorRate: rate,
  /** Jobs that fail with a JobFatalError, half of their objects imported. */
  fatalErrorRate: rate,
  /** "Operation canceled" is what a job says that the service gives up. */
  fatalErrorMessage: z.string().default("Operation canceled"),
  /** Time that every file takes at least. */
  slowImportMs: milliseconds,
  /** What becomes of a file whose id is at its path already: the docs say replace, tools have seen append. */
  existing: z.enum(["replace", "append", "refuse"]).default("replace"),
  /** Whether libraries keep versions: without, what is imported has its current version alone. */
  versioning: z.boolean().default(true),
  /** What is deleted from a library's folder goes to the recycle bin, where its id is a conflict until it is purged. */
  recycleBinConflict: z.boolean().default(false),
  /** Logins that contain one of these texts belong to nobody. */
  unknownLogins: z.array(z.string().min(1)).default([]),
  /** Folders with more entries are refused to list, as over the list view threshold of 5,000; 0 for none. */
  listViewThreshold: z.int().min(0).default(0),
});

export type Faults = z.infer<typeof faultsSchema>;

export const noFaults: Faults = faultsSchema.parse({});

/** Returns `current` with the given changes applied. Throws an Error that names an unknown or ill-typed field. */
export function changeFaults(current: Faults, changes: object): Faults {
  const { data, error } = faultsSchema.safeParse({ ...current, ...changes });
  if (data) return data;
  throw new Error(`Fault ${z.prettifyError(error)}`);
}

/** True in `share` of all cases, by seed and case: a job that is run again after a crash meets the same faults. */
export function happens({ seed }: Faults, share: number, ...which: (string | number)[]): boolean {
  if (share === 0) return false;
  const digest = createHash("md5")
    .update([seed, ...which].join("\n"))
    .digest();
  return digest.readUInt32LE(0) / 0x1_0000_0000 < share;
}

/** Logins resolve, unless the faults say otherwise: the simulator has no directory. */
export function isKnownLogin({ unknownLogins }: Faults, login: string): boolean {
  return !unknownLogins.some((text) => login.toLowerCase().includes(text.toLowerCase()));
}
