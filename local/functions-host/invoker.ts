import { randomUUID } from "node:crypto";
import type { AppFunction } from "./app-loader.ts";
import type { Callback, CoreModule } from "./core-module.ts";
import type { LogLevel } from "./logger.ts";
import type { RpcTypedData } from "./rpc-data.ts";

export interface InvocationDetails {
  triggerMetadata?: Record<string, RpcTypedData>;
  retryContext?: { retryCount: number; maxRetryCount: number };
  invocationId?: string;
}

/**
 * Runs a function once with what triggered it, and resolves with what it returned; rejects with what it threw.
 * This is the only door between host and app code: an app in a child process would stand behind it too.
 */
export type Invoke = (
  target: AppFunction,
  trigger: RpcTypedData,
  details?: InvocationDetails,
) => Promise<RpcTypedData | null | undefined>;

/**
 * The in-process invoker: the steps of the Node.js worker's invocation handler, in its order. `durableClient` is the value of
 * the input bindings of that type, the only ones besides triggers.
 */
export function createInvoker(core: CoreModule, durableClient: string): Invoke {
  return async (target, trigger, details = {}) => {
    const { metadata, name } = target;
    const { invocationId = randomUUID(), triggerMetadata = {}, retryContext } = details;
    const clients = Object.entries(metadata.bindings)
      .filter(([, { type }]) => type === "durableClient" || type === "orchestrationClient")
      .map(([binding]) => ({ name: binding, data: { string: durableClient } }));
    const coreContext = {
      invocationId,
      metadata,
      state: undefined as string | undefined,
      request: {
        invocationId,
        functionId: target.id,
        inputData: [{ name: target.trigger.bindingName, data: trigger }, ...clients],
        triggerMetadata,
        traceContext: { traceParent: "", traceState: "", attributes: {} },
        ...(retryContext && { retryContext }),
      },
      log: (level: LogLevel, source: string, message: string) =>
        core.log(level, source, message, name, coreContext),
    };

    const model = await core.model.getInvocationModel(coreContext);
    const { context, inputs } = await model.getArguments();
    const shared = { hookData: {}, appHookData: core.appHookData, invocationContext: context };
    const pre = { ...shared, inputs, functionCallback: target.callback as Callback };
    for (const hook of core.hooks("preInvocation")) await hook(pre);

    const post = { ...shared, inputs: pre.inputs, result: null as unknown, error: null as unknown };
    try {
      post.result = await model.invokeFunction(context, pre.inputs, pre.functionCallback);
    } catch (error) {
      post.error = error;
    }
    // Logs of these hooks are no logs after the end, which the library warns of.
    coreContext.state = "postInvocationHooks";
    for (const hook of core.hooks("postInvocation")) await hook(post);
    coreContext.state = undefined;
    if (post.error !== null && post.error !== undefined) throw asError(post.error);
    return (await model.getResponse(context, post.result)).returnValue;
  };
}

/** A worker sends every failure as an exception with a text: `throw "x"` and `throw {a: 1}` included. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(typeof thrown === "string" ? thrown : JSON.stringify(thrown));
}
