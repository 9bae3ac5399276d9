import { LongshoreError } from "../../shared/contracts/errors.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/** Callers that are remembered at once. More come only from those who need no key; forgetting the oldest favours nobody. */
const MAX_BUCKETS = 10_000;

/**
 * A token bucket per caller, in the memory of this process: it protects the app from a caller that runs wild, and bills nobody.
 * A caller may spend a minute's worth at once.
 */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>();

  /** Takes a token; refuses with the seconds until there is one again. */
  take(caller: string, perMinute: number, now: number): void {
    const perMs = perMinute / 60_000;
    const last = this.buckets.get(caller) ?? { tokens: perMinute, at: now };
    const tokens = Math.min(perMinute, last.tokens + Math.max(0, now - last.at) * perMs);
    const allowed = tokens >= 1;
    // Deleted first, so that the map is in order of last use.
    this.buckets.delete(caller);
    this.buckets.set(caller, { tokens: allowed ? tokens - 1 : tokens, at: now });
    const oldest = this.buckets.keys().next().value;
    if (this.buckets.size > MAX_BUCKETS && oldest !== undefined) this.buckets.delete(oldest);
    if (!allowed) throw new RateLimited(Math.ceil((1 - tokens) / perMs / 1000), perMinute);
  }
}

export class RateLimited extends LongshoreError {
  readonly retryAfter: number;

  constructor(retryAfter: number, perMinute: number) {
    super("RATE_LIMITED", `${perMinute} requests a minute are allowed`);
    this.retryAfter = retryAfter;
  }
}
