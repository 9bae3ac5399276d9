import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds to wait before try number `attempt` + 1 (attempts count from 1): doubles from `first` up to `longest`. Half of
 * it is random, so that agents that lost the same server do not all come back in the same instant.
 */
export function backoffMs(attempt: number, first = 500, longest = 30_000): number {
  const full = Math.min(longest, first * 2 ** (attempt - 1));
  return full / 2 + Math.random() * (full / 2);
}

/** Waits, or stops waiting when the signal comes; never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}

/** What the promise resolves to, or undefined as soon as the signal comes; how the promise ends is then nobody's concern. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = () => resolve(undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
