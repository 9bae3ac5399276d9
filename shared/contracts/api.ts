import { z } from "zod";

/** What all routes of the HTTP API have in common. */

/** Each may do what those before it may. */
export const ROLES = ["reader", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];

/** RFC 9457 problem details with our code. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  /** With DUPLICATE_TASK: the task that has the same source and destination. */
  existing: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** A moment in a query: a day is its midnight in UTC. */
export const momentSchema = z.union([z.iso.date(), z.iso.datetime({ offset: true })], {
  error:
    'must be a day like "2026-01-31", or an instant with its zone like "2026-01-31T22:00:00Z" (in a URL, "+" is written %2B)',
});

/** A switch in a query. */
export const flagSchema = z.stringbool({ error: "must be true or false" });

/** A page of a list: at most `limit` items, those that come after a page's `next`. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().min(1).max(1000).optional(),
});

/** The caller as the app knows it: `id` is the key's hash or the object id, `name` what the audit trail shows. */
export const meSchema = z.object({ role: z.enum(ROLES), name: z.string(), id: z.string() });
