import type { InvocationContext } from "@azure/functions";
import type { DurableClient } from "durable-functions";
import * as df from "durable-functions";
import type { ErrorCode } from "../../shared/contracts/errors.ts";
import { isRetriedAtOnce, LongshoreError } from "../../shared/contracts/errors.ts";
import { redacted } from "../security/redacted.ts";
import { type Services, services } from "../services.ts";

/**
 * How an activity's result travels: a refusal that no retry mends is data, and so is one that says until when to wait; everything
 * else is thrown and retried.
 */
export type ActivityResult<O> =
  | { ok: true; value: O }
  | { ok: false; code: ErrorCode; message: string };

/** A registered activity with the types of what goes in and out. */
export interface Activity<I, O> {
  name: string;
  /** The work itself, without the host. `client` is for those that asked for one. */
  run(input: I, app: Services, client?: DurableClient): Promise<O>;
}

/**
 * Registers an activity. Activities are idempotent: the host may run one again after a crash, and a retry policy does on
 * failure. Inputs and outputs are ids and counts, never secrets and never one entry per file.
 */
export function defineActivity<I extends object, O>(
  name: string,
  handler: (input: I, app: Services, client: DurableClient) => Promise<O>,
  /** Gives the activity a client of the task hub, for one that begins orchestrations which nobody waits for. */
  { client: usesClient = false } = {},
): Activity<I, O> {
  df.app.activity(name, {
    ...(usesClient && { extraInputs: [df.input.durableClient()] }),
    handler: async (input: I, context: InvocationContext): Promise<ActivityResult<O | null>> => {
      try {
        const client = usesClient ? df.getClient(context) : (undefined as never);
        return { ok: true, value: (await handler(input, await services(), client)) ?? null };
      } catch (error) {
        const known = error instanceof LongshoreError ? error : undefined;
        const code = known?.code ?? "INTERNAL";
        const message = redacted(error instanceof Error ? error.message : String(error));
        context.warn(
          JSON.stringify({
            event: "activity-failed",
            activity: name,
            code,
            message,
            ...(known ? {} : { stack: redacted(String((error as Error)?.stack)) }),
          }),
        );
        if (known && !isRetriedAtOnce(code)) return { ok: false, code, message };
        // The code travels in the text: an exception crosses the durable protocol as a string only.
        throw new Error(`[${code}] ${message}`);
      }
    },
  });
  return { name, run: (input, app, client) => handler(input, app, client as DurableClient) };
}
