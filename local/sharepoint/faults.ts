import { createHash } from "node:crypto";

/** What the simulator can be told to do wrong. Everything is off by default. */
export interface Faults {
  /** Time a job waits in the queue before it starts (the service takes one to two and a half minutes). */
  startDelayMs: number;
  /** Every job is postponed once for this long, with a JobPostponed event. */
  postponeMs: number;
  /** Share of REST calls (0 to 1) that are answered 429 with Retry-After. */
  throttleRate: number;
  retryAfterSeconds: number;
  /** Share of files (0 to 1) that fail with a JobError although nothing is wrong with them. */
  itemErrorRate: number;
  /** Jobs end without a JobEnd event; their status says None all the same. */
  dropJobEnd: boolean;
}

export const noFaults: Faults = {
  startDelayMs: 0,
  postponeMs: 0,
  throttleRate: 0,
  retryAfterSeconds: 1,
  itemErrorRate: 0,
  dropJobEnd: false,
};

/** Returns `current` with the given changes applied. Throws an Error that names an unknown or ill-typed field. */
export function changeFaults(current: Faults, changes: Record<string, unknown>): Faults {
  for (const [name, value] of Object.entries(changes)) {
    const expected = typeof noFaults[name as keyof Faults];
    if (expected === "undefined") {
      throw new Error(`Unknown fault "${name}"; known: ${Object.keys(noFaults).join(", ")}`);
    }
    const isNegative = typeof value === "number" && !(value >= 0);
    const isNoRate = name.endsWith("Rate") && (value as number) > 1;
    if (typeof value !== expected || isNegative || isNoRate) {
      throw new Error(
        `Fault "${name}" must be a ${expected}${expected === "number" ? ", zero or more (rates: up to 1)" : ""}`,
      );
    }
  }
  return { ...current, ...changes };
}

export function isThrottled(faults: Faults): boolean {
  return Math.random() < faults.throttleRate;
}

/** Decides by job and item, not by chance, so that a job which is run again after a crash fails the same items. */
export function isItemFailed(faults: Faults, jobId: string, itemId: string): boolean {
  if (faults.itemErrorRate === 0) return false;
  const digest = createHash("md5").update(jobId).update(itemId).digest();
  return digest.readUInt32LE(0) / 0x1_0000_0000 < faults.itemErrorRate;
}
