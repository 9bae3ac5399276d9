import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { Documents } from "./storage/documents.ts";

/** What SharePoint has said about the app's requests to one tenant. Times are milliseconds since 1970. */
const throttleSchema = z.object({
  /** Nobody asks anything before this time (Retry-After). */
  until: z.number().default(0),
  /** Requests that are left before `resetAt` and that no process has taken yet (RateLimit-Remaining, -Reset). */
  left: z.number().int().default(0),
  resetAt: z.number().default(0),
});
type Throttle = z.infer<typeof throttleSchema>;

/** What an answer says about the budget; waits in milliseconds. */
export interface BudgetNews {
  retryAfter?: number | undefined;
  remaining?: number | undefined;
  reset?: number | undefined;
}

const PARTITION = "throttle";
/** How old a process's idea of the row may be. */
const FRESH_MS = 1_000;
/** Requests that a process takes out of a budget that runs low, at once. */
const PORTION = 10;

interface Local {
  row: Throttle;
  readAt: number;
  /** Taken out of the row and not used yet; good until `resetAt`. */
  mine: number;
  resetAt: number;
  reading?: Promise<void> | undefined;
}

/**
 * The app's budget of requests per tenant, shared by all its processes through one row of a table: SharePoint counts per app
 * and tenant, and who goes on asking while the app is throttled makes it last longer (MS docs: "How to avoid getting
 * throttled"). As long as SharePoint says nothing, a request costs no more than a look at the row once per second; when it says
 * how few are left, every process takes its share out of the row before it asks.
 */
export class ThrottleStore {
  private readonly rows: Documents<Throttle>;
  private readonly local = new Map<string, Local>();

  constructor(table: TableClient) {
    this.rows = new Documents(table, throttleSchema);
  }

  /** Takes one request out of the budget and returns 0, or says until when none may be sent. */
  async take(tenant: string, now: number): Promise<number> {
    const local = await this.look(tenant, now);
    if (local.row.until > now) return local.row.until;
    if (local.row.resetAt <= now) return 0;
    if (local.mine > 0 && local.resetAt > now) {
      local.mine--;
      return 0;
    }
    let portion = 0;
    const row = await this.change(tenant, (value) => {
      portion = value.resetAt > now ? Math.min(PORTION, value.left) : 0;
      return portion > 0 ? { ...value, left: value.left - portion } : undefined;
    });
    Object.assign(local, { row, readAt: now });
    if (row.resetAt <= now) return 0;
    if (portion === 0) return row.resetAt;
    Object.assign(local, { mine: portion - 1, resetAt: row.resetAt });
    return 0;
  }

  /** Hands on what an answer said; returns when the next request may be sent, 0 for at once. */
  async note(tenant: string, news: BudgetNews, now: number): Promise<number> {
    const { retryAfter = 0, remaining, reset = 0 } = news;
    const local = await this.look(tenant, now);
    const until = retryAfter > 0 ? Math.round(now + retryAfter) : 0;
    const says =
      remaining !== undefined && reset > 0
        ? { left: Math.max(0, Math.floor(remaining)), resetAt: Math.round(now + reset) }
        : undefined;
    const { row } = local;
    const isNewWindow = says && row.resetAt <= now;
    const isLess = says && says.left + PORTION < row.left;
    if (until <= row.until && !isNewWindow && !isLess) return row.until > now ? row.until : 0;
    const changed = await this.change(tenant, (value) => ({
      ...value,
      ...(says && (value.resetAt <= now ? says : { left: Math.min(value.left, says.left) })),
      until: Math.max(value.until, until),
    }));
    Object.assign(local, { row: changed, readAt: now });
    return changed.until > now ? changed.until : 0;
  }

  /** Until when SharePoint takes no request of the app, if so. */
  async until(tenant: string, now: number): Promise<number | undefined> {
    const { row } = await this.look(tenant, now);
    if (row.until > now) return row.until;
    return row.resetAt > now && row.left === 0 ? row.resetAt : undefined;
  }

  private async look(tenant: string, now: number): Promise<Local> {
    let local = this.local.get(tenant);
    if (!local) {
      local = { row: throttleSchema.parse({}), readAt: 0, mine: 0, resetAt: 0 };
      this.local.set(tenant, local);
    }
    if (now - local.readAt < FRESH_MS) return local;
    const mine = local;
    mine.reading ??= this.rows
      .get(PARTITION, tenant)
      .then((found) => {
        if (found) mine.row = found.value;
        mine.readAt = Date.now();
      })
      .finally(() => {
        mine.reading = undefined;
      });
    await mine.reading;
    return mine;
  }

  private async change(
    tenant: string,
    change: (value: Throttle) => Throttle | undefined,
  ): Promise<Throttle> {
    for (;;) {
      const changed = await this.rows.update(PARTITION, tenant, change);
      if (changed) return changed;
      const nothing = throttleSchema.parse({});
      const first = change(nothing);
      if (!first) return nothing;
      if (await this.rows.insert(PARTITION, tenant, first)) return first;
    }
  }
}

/** The tenant of a site as far as its host tells: OneDrives have a host of their own, but the budget is the tenant's. */
export const tenantOf = (siteUrl: string): string =>
  new URL(siteUrl).host.replace(/-(my|admin)(?=\.sharepoint\.)/, "");
