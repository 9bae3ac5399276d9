/**
 * The virtual module `@azure/functions-core`. The real Node.js worker supplies it by intercepting
 * `require`, and `@azure/functions` 4.16 asks for it lazily; without it the library only prints a
 * warning and registers nothing, so this must be installed before any file of the app is loaded.
 */
import Module from "node:module";
import type { Log, LogLevel } from "./logger.ts";
import type { RpcTypedData } from "./rpc-data.ts";

export interface BindingInfo {
  type: string;
  direction: "in" | "out";
  [option: string]: unknown;
}

export interface RetryOptions {
  maxRetryCount: number;
  retryStrategy: "fixedDelay" | "exponentialBackoff";
  delayInterval?: { seconds: number };
  minimumInterval?: { seconds: number };
  maximumInterval?: { seconds: number };
}

export interface FunctionMetadata {
  name: string;
  functionId?: string;
  bindings: Record<string, BindingInfo>;
  retryOptions?: RetryOptions;
}

export type Callback = (...args: unknown[]) => unknown;

export interface RegisteredFunction {
  id: string;
  name: string;
  metadata: FunctionMetadata;
  callback: Callback;
}

/** The object that `@azure/functions` hands to `setProgrammingModel`. */
export interface ProgrammingModel {
  getCapabilities?(offered: Record<string, string>): Promise<Record<string, string>>;
  getInvocationModel(context: unknown): InvocationModel | Promise<InvocationModel>;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: RpcTypedData | null }>;
}

const HOOKS = ["appStart", "appTerminate", "preInvocation", "postInvocation", "log"] as const;
type HookName = (typeof HOOKS)[number];
type Hook = (context: object) => unknown;

/** Capabilities that worker 3.9 offers; the library answers with the ones it uses (e.g. `HttpUri`). */
const CAPABILITIES = [
  "RawHttpBodyBytes RpcHttpTriggerMetadataRemoved RpcHttpBodyOnly",
  "IgnoreEmptyValuedRpcHttpHeaders UseNullableValueDictionaryForHttp",
  "WorkerStatus TypedDataCollection HandlesWorkerTerminateMessage",
].flatMap((names) => names.split(" "));

/** What the library recognizes as a mistake in the use of the Functions API. */
const systemError = <E extends Error>(error: E): E =>
  Object.assign(error, { isAzureFunctionsSystemError: true });

export const HOST_VERSION = "4.1037.0";
const WORKER_VERSION = "3.10.0";

export class CoreModule {
  readonly functions = new Map<string, RegisteredFunction>();
  readonly appHookData: Record<string, unknown> = {};
  capabilities: Record<string, string> = {};
  readonly #hooks = new Map<HookName, Set<Hook>>(HOOKS.map((name) => [name, new Set()]));
  readonly #startHookData: Record<string, unknown> = {};
  readonly #log: Log;
  #model: ProgrammingModel | undefined;
  #started = false;

  constructor(log: Log) {
    this.#log = log;
  }

  get model(): ProgrammingModel {
    if (!this.#model) {
      throw new Error("the app did not load @azure/functions: no programming model was registered");
    }
    return this.#model;
  }

  hooks(name: HookName): ReadonlySet<Hook> {
    return this.#hooks.get(name) ?? new Set();
  }

  /** Makes `require("@azure/functions-core")` answer with this module, the way the real worker does. */
  install(): void {
    const api = this.#api();
    Module.prototype.require = new Proxy(Module.prototype.require, {
      apply: (target, self, args) =>
        args[0] === "@azure/functions-core" ? api : Reflect.apply(target, self, args),
    });
  }

  /** Writes one entry after the app's own `log` hooks have had their say (system entries bypass them). */
  log(level: LogLevel, source: string, message: string, name?: string, context?: unknown): void {
    const entry = { level, message, category: source, invocationContext: context };
    if (source === "user") {
      const hookContext = Object.assign(entry, { hookData: {}, appHookData: this.appHookData });
      for (const hook of this.hooks("log")) hook(hookContext);
    }
    const category = name ? `Function.${name}${source === "user" ? ".User" : ""}` : "Worker";
    this.#log(entry.level, category, entry.message, name);
  }

  async runAppHooks(name: "appStart" | "appTerminate", extra: object = {}): Promise<void> {
    const context = { hookData: this.#startHookData, appHookData: this.appHookData, ...extra };
    for (const hook of this.hooks(name)) await hook(context);
  }

  /** Ends registration: from here on every `registerFunction` throws. */
  async finishStart(): Promise<void> {
    const offered = Object.fromEntries(CAPABILITIES.map((name) => [name, "true"]));
    this.capabilities = (await this.model.getCapabilities?.(offered)) ?? offered;
    this.#started = true;
  }

  #api(): object {
    return {
      version: WORKER_VERSION,
      hostVersion: HOST_VERSION,
      registerHook: (name: HookName, hook: Hook) => {
        const known = this.#hooks.get(name);
        if (!known) throw systemError(new RangeError(`Unrecognized hook "${name}"`));
        known.add(hook);
        return { dispose: () => void known.delete(hook) };
      },
      registerFunction: (metadata: FunctionMetadata, callback: Callback) =>
        this.#register(metadata, callback),
      getProgrammingModel: () => this.#model,
      setProgrammingModel: (model: ProgrammingModel) => {
        // A second copy of @azure/functions would convert values by other rules than the first one.
        if (this.#model) {
          const message = "two copies of @azure/functions are loaded; deduplicate node_modules";
          throw systemError(new Error(message));
        }
        this.#model = model;
      },
      log: (level: LogLevel, source: string, message: string) => this.log(level, source, message),
    };
  }

  #register(metadata: FunctionMetadata, callback: Callback): { dispose(): void } {
    if (this.#started) {
      throw systemError(new Error("A function can only be registered during app startup."));
    }
    const id = metadata.functionId ?? metadata.name;
    const name = metadata.name.toLowerCase();
    for (const other of this.functions.values()) {
      if (other.id === id || other.name.toLowerCase() === name) {
        throw systemError(new Error(`A function named "${metadata.name}" already exists.`));
      }
    }
    this.functions.set(id, { id, name: metadata.name, metadata, callback });
    return { dispose: () => void this.functions.delete(id) };
  }
}
