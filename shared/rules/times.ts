import { MAX_TIME, MIN_TIME } from "./limits.ts";
import type { RuleViolation } from "./names.ts";

/** Undefined when SharePoint can store the time (ms UTC), otherwise TIME_NOT_SUPPORTED. */
export function checkTime(ms: number): RuleViolation | undefined {
  if (ms >= MIN_TIME && ms <= MAX_TIME) return undefined;
  return {
    code: "TIME_NOT_SUPPORTED",
    message: `the time ${ms} (milliseconds since 1970) lies outside 1900 to 8900, which is what SharePoint stores`,
  };
}
