import { z } from "zod";
import { flagSchema, momentSchema } from "./api.ts";
import { TASK_STATES, type TaskState } from "./tasks.ts";

/* Which tasks are meant, and in which order. */

export const TASK_ORDERS = ["created", "-created", "name", "-name"] as const;
export type TaskOrder = (typeof TASK_ORDERS)[number];

const isState = (text: string): text is TaskState => TASK_STATES.some((state) => state === text);

function asStates(texts: string[], context: z.RefinementCtx): TaskState[] {
  if (texts.every(isState)) return texts;
  const message = `must be one or several of ${TASK_STATES.join(", ")}, with "," between them`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

const filterFields = {
  group: z.string().min(1).optional(),
  tag: z.string().min(1).optional(),
  /** Part of the name or the source, in any case. */
  text: z.string().trim().max(255).optional(),
  createdFrom: momentSchema.optional(),
  createdBefore: momentSchema.optional(),
};

function requireOrder(
  {
    createdFrom = "",
    createdBefore = "",
  }: { createdFrom?: string | undefined; createdBefore?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (Date.parse(createdFrom) >= Date.parse(createdBefore))
    context.addIssue({
      ...{ code: "custom", path: ["createdBefore"] },
      message: "must be later than createdFrom, or no task could pass",
    });
}

/** A filter as a query has it. */
export const taskFilterSchema = z
  .object({
    /** One or several: "Failed,Paused". */
    state: z
      .string()
      .transform((text) => text.split(",").map((each) => each.trim()))
      .transform(asStates)
      .optional(),
    ...filterFields,
    /** Whether they have a schedule. */
    scheduled: flagSchema.optional(),
  })
  .superRefine(requireOrder);
export type TaskFilter = z.infer<typeof taskFilterSchema>;

/** The same within JSON: states may also be a list, and a switch is one. */
export const taskSelectionSchema = z
  .object({
    state: z
      .union([z.string().transform((text) => text.split(",")), z.array(z.string())], {
        error: 'must be a list of states, or "Failed,Paused"',
      })
      .transform((states) => states.map((each) => each.trim()))
      .transform(asStates)
      .optional(),
    ...filterFields,
    scheduled: z.union([z.boolean(), flagSchema], { error: "must be true or false" }).optional(),
  })
  .superRefine(requireOrder);

export const taskListQuerySchema = taskFilterSchema.extend({
  /** By creation or by name; "-" in front: backwards. Newest first unless told otherwise. */
  sort: z.enum(TASK_ORDERS).default("-created"),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** The `next` of the page before. */
  after: z.string().max(2_000).optional(),
});
export type TaskListQuery = z.infer<typeof taskListQuerySchema>;
