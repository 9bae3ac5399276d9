import type { ServerResponse } from "node:http";
import { type Faults, happens } from "../faults.ts";

const MINUTE_MS = 60_000;

/** Decides which calls are throttled. Returns a function that says with which status a call is refused, if it is. */
export function throttling(faults: () => Faults) {
  let calls = 0;
  let minute = { began: 0, calls: 0 };

  return (response: ServerResponse): 429 | 503 | undefined => {
    const { throttleRate, throttleStatus, retryAfterSeconds, callsPerMinute } = faults();
    calls++;
    if (happens(faults(), throttleRate, "throttle", calls)) {
      response.setHeader("retry-after", String(retryAfterSeconds));
      return throttleStatus;
    }
    if (callsPerMinute === 0) return undefined;
    const now = Date.now();
    if (now >= minute.began + MINUTE_MS) minute = { began: now, calls: 0 };
    minute.calls++;
    const reset = String(Math.ceil((minute.began + MINUTE_MS - now) / 1000));
    const remaining = Math.max(0, callsPerMinute - minute.calls);
    // MS docs "Avoid getting throttled": the headers come when 80 % of the minute's budget are used.
    if (minute.calls >= callsPerMinute * 0.8) {
      response.setHeader("RateLimit-Limit", String(callsPerMinute));
      response.setHeader("RateLimit-Remaining", String(remaining));
      response.setHeader("RateLimit-Reset", reset);
    }
    if (minute.calls <= callsPerMinute) return undefined;
    response.setHeader("retry-after", reset);
    return 429;
  };
}
