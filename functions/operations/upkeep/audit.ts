import type { Services } from "../../services.ts";

/**
 * Notes in the audit trail what the system did by itself: unwrapped a key, removed what its retention is over for. What people
 * do through the API is noted by the route.
 */
export const audit = (
  { audit: trail }: Services,
  { action, ids, status = 200 }: { action: string; ids: Record<string, string>; status?: number },
): Promise<void> =>
  trail.add({ actor: "system", actorId: "system", role: "system", action, ids, status });
