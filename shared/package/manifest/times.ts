import { checkTime } from "../../rules/times.ts";

/** `yyyy-MM-ddTHH:mm:ss` in UTC, whole seconds (rounded down). Throws RangeError for what SharePoint cannot store. */
export function manifestTime(ms: number): string {
  const violation = checkTime(ms);
  if (violation) throw new RangeError(violation.message);
  return new Date(ms).toISOString().slice(0, "yyyy-MM-ddTHH:mm:ss".length);
}
