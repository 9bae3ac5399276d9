import type { TokenCredential } from "@azure/identity";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { type BudgetNews, type ThrottleStore, tenantOf } from "../stores/throttle.ts";

/** Decorated as SharePoint asks of every client, so that it can tell them apart when it throttles: NONISV|company|app/version. */
const USER_AGENT = "NONISV|Longshore|Longshore/0.1.0";
const ATTEMPTS = 6;
const TIMEOUT_MS = 100_000;
/** A longer wait is not slept through here: the caller hears until when, and its orchestration waits without a process. */
const LONGEST_WAIT_MS = 20_000;

export interface Answer {
  status: number;
  body: unknown;
}

/**
 * SharePoint's REST API over fetch: bearer token, one budget of requests with all other processes of the app, throttling
 * honoured (429 and 503 wait as long as Retry-After says, MS docs "How to avoid getting throttled"), other 5xx and broken
 * connections retried with back-off. Answers of 4xx come back to the caller, who knows what they mean. Throws THROTTLED with the
 * time when a request may be sent again, if that is far away.
 */
export class SharePointHttp {
  private readonly credential: TokenCredential;
  private readonly budget: ThrottleStore;

  constructor(credential: TokenCredential, budget: ThrottleStore) {
    this.credential = credential;
    this.budget = budget;
  }

  async get(url: string): Promise<Answer> {
    return this.send("GET", url);
  }

  /** `once`: the request is not repeated when it is unknown whether SharePoint has acted on it. */
  async post(url: string, body: unknown, { once = false } = {}): Promise<Answer> {
    return this.send("POST", url, JSON.stringify(body), once);
  }

  /** Until when SharePoint takes no request of the app for this site, as ISO text. */
  async throttledUntil(siteUrl: string): Promise<string | undefined> {
    const until = await this.budget.until(tenantOf(siteUrl), Date.now());
    return until === undefined ? undefined : new Date(until).toISOString();
  }

  private async send(method: string, url: string, body?: string, once = false): Promise<Answer> {
    const tenant = tenantOf(url);
    for (let attempt = 1; ; attempt++) {
      const last = attempt === ATTEMPTS;
      // A token is no part of the request: asking for one again is always safe.
      const token = await this.token(url).catch(async (error: unknown) => {
        if (last) throw error;
        await pause(backOff(attempt));
      });
      if (token === undefined) continue;
      await this.turn(tenant);
      try {
        const response = await fetch(url, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            accept: "application/json;odata=nometadata",
            "content-type": "application/json",
            "user-agent": USER_AGENT,
          },
          ...(body !== undefined && { body }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const text = await response.text();
        const throttled = response.status === 429 || response.status === 503;
        const news = newsOf(response, throttled ? backOff(attempt) : 0);
        // What was answered counts, even if the budget cannot be written; the next answer says it again.
        if (isNews(news)) await this.budget.note(tenant, news, Date.now()).catch(() => undefined);
        if (throttled && !last) continue;
        if (throttled) throw throttledUntil(Date.now() + (news.retryAfter ?? 0));
        if (!last && response.status >= 500 && !once && !isFinal(text)) {
          await pause(backOff(attempt));
          continue;
        }
        return { status: response.status, body: parse(text) };
      } catch (error) {
        if (error instanceof LongshoreError) throw error;
        if (last || once)
          throw new LongshoreError(
            "DESTINATION_UNREACHABLE",
            `${method} ${new URL(url).origin}: ${describe(error)}`,
            { cause: error },
          );
        await pause(backOff(attempt));
      }
    }
  }

  /** Waits for its turn in the app's budget. */
  private async turn(tenant: string): Promise<void> {
    for (;;) {
      const until = await this.budget.take(tenant, Date.now());
      const wait = until - Date.now();
      if (until === 0) return;
      if (wait > LONGEST_WAIT_MS) throw throttledUntil(until);
      // Not all at the same moment.
      await pause(Math.max(0, wait) + Math.random() * 50);
    }
  }

  private async token(url: string): Promise<string> {
    try {
      const token = await this.credential.getToken(`${new URL(url).origin}/.default`);
      if (token) return token.token;
    } catch (error) {
      throw new LongshoreError("DESTINATION_ACCESS_DENIED", `no token: ${describe(error)}`, {
        cause: error,
      });
    }
    throw new LongshoreError("DESTINATION_ACCESS_DENIED", "the identity gave no token");
  }
}

/** The time at the end of the message is what an orchestration waits for. */
const throttledUntil = (time: number) =>
  new LongshoreError("THROTTLED", `SharePoint asks to wait until ${new Date(time).toISOString()}`);

/**
 * GetMigrationJobProgress says "do not retry" with a 500 whose body names the job (MS docs, job-progress reference); the list view
 * threshold is another 500 that no repetition mends.
 */
const isFinal = (text: string) => /-21472131(45|46)|-2147024860/.test(text);

/** What the headers say, in milliseconds. `fallback` is how long to wait if the answer is a refusal that does not say. */
function newsOf({ headers }: Response, fallback: number): BudgetNews {
  const number = (name: string, unit: number) => {
    const text = headers.get(name);
    const value = Number(text);
    return text === null || Number.isNaN(value) ? undefined : value * unit;
  };
  const after = headers.get("retry-after");
  return {
    retryAfter:
      number("retry-after", 1000) ??
      (after !== null && !Number.isNaN(Date.parse(after))
        ? Math.max(0, Date.parse(after) - Date.now())
        : fallback),
    remaining: number("ratelimit-remaining", 1),
    reset: number("ratelimit-reset", 1000),
  };
}

const isNews = ({ retryAfter, remaining }: BudgetNews) => !!retryAfter || remaining !== undefined;

const backOff = (attempt: number) => Math.random() * Math.min(30_000, 500 * 2 ** attempt);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const describe = (error: unknown) =>
  error instanceof Error
    ? [error.message, (error.cause as Error | undefined)?.message].filter(Boolean).join(": ")
    : String(error);

function parse(text: string): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
