import type { ServerResponse } from "node:http";
import { type Faults, happens } from "../faults.ts";

/** What became of the calls since the start. */
export interface CallCounts {
  calls: number;
  /** Refused at random, and because the minute's budget was used up. */
  unlucky: number;
  overBudget: number;
  /** Answers that said how little of the budget is left. */
  warned: number;
  /** Minutes whose budget ran low. */
  lowMinutes: number;
}

export interface Throttling {
  /** Counts a call, and says with which status it is refused, if it is. */
  refusal(response: ServerResponse): 429 | 503 | undefined;
  counts: Readonly<CallCounts>;
}

/** Decides which calls are throttled. */
export function throttling(faults: () => Faults): Throttling {
  const counts: CallCounts = { calls: 0, unlucky: 0, overBudget: 0, warned: 0, lowMinutes: 0 };
  let minute = { began: 0, calls: 0, isLow: false };

  function refusal(response: ServerResponse): 429 | 503 | undefined {
    const { throttleRate, throttleStatus, retryAfterSeconds, callsPerMinute, minuteSeconds } =
      faults();
    counts.calls++;
    if (happens(faults(), throttleRate, "throttle", counts.calls)) {
      counts.unlucky++;
      response.setHeader("retry-after", String(retryAfterSeconds));
      return throttleStatus;
    }
    if (callsPerMinute === 0) return undefined;
    const now = Date.now();
    const length = minuteSeconds * 1000;
    if (now >= minute.began + length) minute = { began: now, calls: 0, isLow: false };
    minute.calls++;
    const reset = String(Math.ceil((minute.began + length - now) / 1000));
    const remaining = Math.max(0, callsPerMinute - minute.calls);
    // MS docs "Avoid getting throttled": the headers come when 80 % of the minute's budget are used.
    if (minute.calls >= callsPerMinute * 0.8) {
      counts.warned++;
      if (!minute.isLow) counts.lowMinutes++;
      minute.isLow = true;
      response.setHeader("RateLimit-Limit", String(callsPerMinute));
      response.setHeader("RateLimit-Remaining", String(remaining));
      response.setHeader("RateLimit-Reset", reset);
    }
    if (minute.calls <= callsPerMinute) return undefined;
    counts.overBudget++;
    response.setHeader("retry-after", reset);
    return 429;
  }
  return { refusal, counts };
}
