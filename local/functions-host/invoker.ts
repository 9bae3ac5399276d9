import { randomUUID } from "node:crypto";
import type {
  Callback,
  CoreModule,
  InvocationResponse,
  RegisteredFunction,
} from "./core-module.ts";
import type { LogLevel } from "./logger.ts";
import type { RpcTypedData } from "./rpc-data.ts";

export interface InputData {
  name: string;
  data: RpcTypedData;
}

export interface Invocation {
  /** The trigger's value first, then the other input bindings. */
  inputData: InputData[];
  triggerMetadata?: Record<string, RpcTypedData>;
  retryContext?: { retryCount: number; maxRetryCount: number };
  invocationId?: string;
}

/**
 * Runs one function once and resolves with what it returned; rejects with what it threw.
 * This is the only door between host and app code: an app in a child process would stand behind it too.
 */
export type Invoke = (
  target: RegisteredFunction,
  invocation: Invocation,
) => Promise<InvocationResponse>;

/** The in-process invoker: the steps of the Node.js worker's invocation handler, in its order. */
export function createInvoker(core: CoreModule): Invoke {
  return async (
    target,
    { invocationId = randomUUID(), inputData, triggerMetadata = {}, ...rest },
  ) => {
    const { metadata, name } = target;
    const coreContext = {
      invocationId,
      metadata,
      state: undefined as string | undefined,
      request: {
        invocationId,
        functionId: target.id,
        inputData,
        triggerMetadata,
        traceContext: { traceParent: "", traceState: "", attributes: {} },
        ...rest,
      },
      log: (level: LogLevel, source: string, message: string) =>
        core.log(level, source, message, name, coreContext),
    };
    const runHooks = async (hook: "preInvocation" | "postInvocation", context: object) => {
      coreContext.state = `${hook}Hooks`;
      try {
        for (const run of core.hooks(hook)) await run(context);
      } finally {
        coreContext.state = undefined;
      }
    };

    const model = await core.model.getInvocationModel(coreContext);
    const { context, inputs } = await model.getArguments();
    const shared = { hookData: {}, appHookData: core.appHookData, invocationContext: context };
    const pre = { ...shared, inputs, functionCallback: target.callback as Callback };
    if (core.hooks("preInvocation").size > 0) await runHooks("preInvocation", pre);

    const post = { ...shared, inputs: pre.inputs, result: null as unknown, error: null as unknown };
    coreContext.state = "invocation";
    try {
      post.result = await model.invokeFunction(context, pre.inputs, pre.functionCallback);
    } catch (error) {
      post.error = error;
    } finally {
      coreContext.state = undefined;
    }
    if (core.hooks("postInvocation").size > 0) await runHooks("postInvocation", post);
    if (post.error !== null && post.error !== undefined) throw asError(post.error);
    return model.getResponse(context, post.result);
  };
}

/** A worker sends every failure as an exception with a text: `throw "x"` and `throw {a: 1}` included. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(typeof thrown === "string" ? thrown : JSON.stringify(thrown));
}
