import { describeError, logFailure } from "../logger.ts";
import { fromTypedData, type RpcTypedData } from "../rpc-data.ts";
import { BUILTIN_HTTP, type HttpRequest } from "./actions.ts";
import { Fifo } from "./fifo.ts";
import { EventType, newEvent } from "./history.ts";
import { post } from "./mailboxes.ts";
import type { ActivityTask, TaskHub } from "./task-hub.ts";

const RETRY_AFTER_HOST_FAILURE_MS = 1000;

/** Runs activity tasks, at most `maxConcurrentActivityFunctions` at a time, each at least once. */
export class ActivityRunner {
  active = 0;
  readonly #hub: TaskHub;
  readonly #queue = new Fifo<ActivityTask>();
  #running = false;
  #pumpPlanned = false;

  constructor(hub: TaskHub) {
    this.#hub = hub;
  }

  start(): void {
    this.#running = true;
    const sql = "SELECT * FROM activities ORDER BY row";
    this.enqueue(this.#hub.store.all<ActivityTask>(sql));
  }

  /** No new activities; those under way go on. */
  stop(): void {
    this.#running = false;
  }

  enqueue(tasks: readonly ActivityTask[]): void {
    for (const task of tasks) this.#queue.push(task);
    if (tasks.length > 0) this.#plan();
  }

  #plan(): void {
    if (!this.#running || this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    setImmediate(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    const limit = this.#hub.options.maxConcurrentActivityFunctions;
    while (this.#running && this.active < limit) {
      const task = this.#queue.shift();
      if (!task) return;
      void this.#take(task);
    }
  }

  async #take(task: ActivityTask): Promise<void> {
    this.active++;
    try {
      await runActivity(this.#hub, task);
    } catch (error) {
      const message = `activity '${task.name}' of ${task.instance} is tried again: ${describeError(error)}`;
      this.#hub.log({ level: "error", category: "Host.Triggers.DurableTask", message });
      setTimeout(() => this.enqueue([task]), RETRY_AFTER_HOST_FAILURE_MS);
    } finally {
      this.active--;
      this.#plan();
    }
  }
}

/** Runs one activity and commits its result; rejects only if that commit failed. */
async function runActivity(hub: TaskHub, task: ActivityTask): Promise<void> {
  hub.stats.activities++;
  const event = await callActivity(hub, task);
  const { instance, execution, row } = task;
  const message = await hub.store.commit(() => {
    hub.store.run("DELETE FROM activities WHERE row=?", row);
    return post(hub.store, instance, event, { execution });
  });
  hub.mailboxes.deliver([message]);
}

async function callActivity(hub: TaskHub, task: ActivityTask) {
  const { task: TaskScheduledId, name } = task;
  try {
    const Result = name === BUILTIN_HTTP ? await callHttp(task) : await callFunction(hub, task);
    const body = { EventType: EventType.TaskCompleted, TaskScheduledId, Result };
    return newEvent(body, Date.now());
  } catch (thrown) {
    const { message, stack } = thrown as Error;
    logFailure(hub.log, name, thrown);
    const body = {
      EventType: EventType.TaskFailed,
      TaskScheduledId,
      // Two blanks: the .NET host wraps the message of the worker, whose own prefix is empty.
      Reason: `Activity function '${name}' failed:  ${message}`,
      Details: JSON.stringify({
        $type: "System.Exception, System.Private.CoreLib",
        ClassName: "System.Exception",
        Message: ` ${message}`,
        RemoteStackTraceString: stack ?? null,
      }),
    };
    return newEvent(body, Date.now());
  }
}

async function callFunction(hub: TaskHub, task: ActivityTask): Promise<string | null> {
  const target = hub.activities.find(task.name);
  if (!target) throw new Error(hub.activities.unknown(task.name));
  const data: RpcTypedData = task.input === null ? {} : { string: task.input };
  const { returnValue } = await hub.invoke(target, {
    inputData: [{ name: target.trigger.bindingName, data }],
    triggerMetadata: {
      instanceId: { string: task.instance },
      data: { json: task.input ?? "null" },
    },
  });
  if (typeof returnValue?.json === "string") return returnValue.json;
  const value = fromTypedData(returnValue);
  return value === null ? null : JSON.stringify(value);
}

/** The activity behind `context.df.callHttp`. */
async function callHttp(task: ActivityTask): Promise<string> {
  const { uri, method, headers, content } = JSON.parse(task.input ?? "{}") as HttpRequest;
  const response = await fetch(uri, {
    method,
    ...(headers ? { headers } : {}),
    ...(content ? { body: content } : {}),
  });
  return JSON.stringify({
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    content: await response.text(),
  });
}
