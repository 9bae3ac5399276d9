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
});
export type Problem = z.infer<typeof problemSchema>;

/** A page of a list: at most `limit` items, those that come after a page's `next`. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().min(1).max(1000).optional(),
});

/** The caller as the app knows it: `id` is the key's hash or the object id, `name` what the audit trail shows. */
export const meSchema = z.object({ role: z.enum(ROLES), name: z.string(), id: z.string() });
