import type { AppFunction, TriggerType } from "../app-loader.ts";
import type { Invoke } from "../invoker.ts";
import type { Log } from "../logger.ts";
import type { Executions } from "./executions.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { DurableOptions } from "./options.ts";
import type { Store } from "./store.ts";

/** A row of `activities`: scheduled and not yet completed. `input` is JSON. */
export interface ActivityTask {
  row: number;
  instance: string;
  execution: string;
  task: number;
  name: string;
  input: string | null;
}

/** What the parts of the engine share. */
export interface TaskHub {
  store: Store;
  options: DurableOptions;
  invoke: Invoke;
  orchestrators: FunctionTable;
  activities: FunctionTable;
  entities: FunctionTable;
  executions: Executions;
  mailboxes: Mailboxes;
  /** Hands a committed activity task to the workers. */
  startActivity(task: ActivityTask): void;
  log: Log;
  stats: { turns: number; replayedEvents: number; activities: number };
}

/** Functions of one trigger type, by name; function names ignore case. */
export class FunctionTable {
  readonly #byName: Map<string, AppFunction>;
  readonly #kind: string;

  constructor(functions: readonly AppFunction[], type: TriggerType, kind: string) {
    const matching = functions.filter(({ trigger }) => trigger.type === type);
    this.#byName = new Map(matching.map((item) => [item.name.toLowerCase(), item]));
    this.#kind = kind;
  }

  find(name: string): AppFunction | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  /** The extension's words for a name that nobody registered. */
  unknown(name: string): string {
    const known = [...this.#byName.values()].map((item) => `'${item.name}'`).join(", ");
    return `The function '${name}' doesn't exist, is disabled, or is not ${this.#kind} function. Additional info: The following are the known ${this.#kind.replace(/^an? /, "")} functions: ${known || "(none)"}.`;
  }
}
