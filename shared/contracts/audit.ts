import { z } from "zod";
import { momentSchema, pageQuerySchema } from "./api.ts";

/** One change that somebody made, or that the system made by itself (then the actor is "system"). */
export const auditEntrySchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  /** Name of the person, of the key or of the agent; `actorId` tells apart who may share a name. */
  actor: z.string(),
  actorId: z.string(),
  role: z.enum(["reader", "operator", "administrator", "agent", "system"]),
  /** Name of the route, or of what the system did ("unwrapKey"). */
  action: z.string(),
  /** What it was done to: the ids in the URL and of what was created. Never bodies, never secrets. */
  ids: z.record(z.string(), z.string()),
  /** HTTP status of the answer, once there was one. */
  status: z.number().int().optional(),
  /**
   * How it went. An entry is written before the change: "unknown" is one whose request is under way still, or was cut off
   * before anybody could note what became of it. What was refused leaves no entry; "failed" may have done a part.
   */
  outcome: z.enum(["done", "failed", "unknown"]),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const auditQuerySchema = pageQuerySchema
  .extend({
    task: z.string().min(1).max(100).toLowerCase().optional(),
    /** Name or id of the actor. */
    actor: z.string().min(1).max(255).optional(),
    from: momentSchema.optional(),
    until: momentSchema.optional(),
  })
  .superRefine(({ from = "", until = "" }, context) => {
    if (Date.parse(from) > Date.parse(until))
      context.addIssue({
        ...{ code: "custom", path: ["until"] },
        message: "must not be earlier than from, or no entry could pass",
      });
  });
export type AuditQuery = z.infer<typeof auditQuerySchema>;

/** Newest first. A page may hold fewer entries than asked for, even none: there are more as long as there is a `next`. */
export const auditListSchema = z.object({
  entries: z.array(auditEntrySchema),
  next: z.string().optional(),
});
