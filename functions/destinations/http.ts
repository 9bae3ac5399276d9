import type { TokenCredential } from "@azure/identity";
import { LongshoreError } from "../../shared/contracts/errors.ts";

/** Decorated user agent, as SharePoint asks of every client so that it can tell them apart when it throttles. */
const USER_AGENT = "NONISV|Longshore|Longshore/0.1";
const ATTEMPTS = 6;
const TIMEOUT_MS = 100_000;

export interface Answer {
  status: number;
  body: unknown;
}

/**
 * SharePoint's REST API over fetch: bearer token, throttling honoured (429 and 503 wait as long as Retry-After says, MS
 * docs "How to avoid getting throttled"), other 5xx and broken connections retried with back-off. Answers of 4xx come back
 * to the caller, who knows what they mean.
 */
export class SharePointHttp {
  private readonly credential: TokenCredential;

  constructor(credential: TokenCredential) {
    this.credential = credential;
  }

  async get(url: string): Promise<Answer> {
    return this.send("GET", url);
  }

  /** `once`: the request is not repeated when it is unknown whether SharePoint has acted on it. */
  async post(url: string, body: unknown, { once = false } = {}): Promise<Answer> {
    return this.send("POST", url, JSON.stringify(body), once);
  }

  private async send(method: string, url: string, body?: string, once = false): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === ATTEMPTS;
      // A token is no part of the request: asking for one again is always safe.
      const token = await this.token(url).catch(async (error: unknown) => {
        if (last) throw error;
        await pause(backOff(attempt));
      });
      if (token === undefined) continue;
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
        if (!last && (throttled || (response.status >= 500 && !once && !isFinal(text)))) {
          await pause(retryAfter(response) ?? backOff(attempt));
          continue;
        }
        return { status: response.status, body: parse(text) };
      } catch (error) {
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

/**
 * GetMigrationJobProgress says "do not retry" with a 500 whose body names the job (MS docs, job-progress reference); the list view
 * threshold is another 500 that no repetition mends.
 */
const isFinal = (text: string) => /-21472131(45|46)|-2147024860/.test(text);

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

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
