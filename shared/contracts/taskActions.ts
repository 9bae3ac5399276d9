import { z } from "zod";
import { problemSchema } from "./api.ts";
import { taskSelectionSchema } from "./taskFilters.ts";
import { TASK_STATES } from "./tasks.ts";

export const TASK_ACTIONS = ["run", "pause", "resume", "cancel", "delete"] as const;
export type TaskAction = (typeof TASK_ACTIONS)[number];

/** An action on many tasks of a session: those that are named, or those that fit a filter. */
export const bulkActionSchema = z
  .strictObject({
    action: z.enum(TASK_ACTIONS),
    tasks: z.array(z.string().toLowerCase()).min(1).max(1_000).optional(),
    filter: taskSelectionSchema.optional(),
    /** The `next` of the answer before: goes on with the tasks that fit the filter. */
    after: z.string().max(2_000).optional(),
  })
  .refine(({ tasks, filter }) => (tasks === undefined) !== (filter === undefined), {
    message: "name the tasks or give a filter ({} for all), not both",
    path: ["tasks"],
  })
  .refine(({ tasks, after }) => tasks === undefined || after === undefined, {
    message: "belongs to a filter; tasks that are named are all acted on at once",
    path: ["after"],
  });
export type BulkAction = z.input<typeof bulkActionSchema>;

/** What became of each task. One that refuses does not keep the others from it. */
export const actionResultSchema = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      ok: z.boolean(),
      /** The task's state afterwards; none when it is deleted or refused. */
      state: z.enum(TASK_STATES).optional(),
      /** Why it refused. */
      problem: problemSchema.pick({ code: true, detail: true, remedy: true }).optional(),
    }),
  ),
  /** There are more tasks that fit the filter: send the same request again with this as `after`. */
  next: z.string().optional(),
});
export type ActionResult = z.infer<typeof actionResultSchema>;
