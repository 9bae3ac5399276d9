import { describeError, logFailure } from "../logger.ts";
import { fromTypedData, type RpcTypedData } from "../rpc-data.ts";
import { BUILTIN_HTTP, sendHttp } from "./call-http.ts";
import { EventType, newEvent } from "./history.ts";
import { post } from "./mailboxes.ts";
import { LOG_CATEGORY } from "./options.ts";
import type { ActivityTask, TaskHub } from "./task-hub.ts";

const RETRY_AFTER_HOST_FAILURE_MS = 1000;

/** Runs one activity and commits its result. If that fails, later once more: each runs at least once. */
export async function runActivity(hub: TaskHub, task: ActivityTask): Promise<void> {
  const { instance, execution, row, name } = task;
  hub.stats.activities++;
  const event = await callActivity(hub, task);
  try {
    const message = await hub.store.commit(() => {
      hub.store.run("DELETE FROM activities WHERE row=?", row);
      return post(hub.store, instance, event, { execution });
    });
    hub.mailboxes.deliver([message]);
  } catch (error) {
    const message = `activity '${name}' of ${instance} is tried again: ${describeError(error)}`;
    hub.log("error", LOG_CATEGORY, message);
    setTimeout(() => hub.startActivity(task), RETRY_AFTER_HOST_FAILURE_MS);
  }
}

async function callActivity(hub: TaskHub, task: ActivityTask) {
  const { task: TaskScheduledId, name } = task;
  try {
    const Result =
      name === BUILTIN_HTTP ? await sendHttp(task.input) : await callFunction(hub, task);
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
  const trigger: RpcTypedData = task.input === null ? {} : { string: task.input };
  const returnValue = await hub.invoke(target, trigger, {
    triggerMetadata: {
      instanceId: { string: task.instance },
      data: { json: task.input ?? "null" },
    },
  });
  if (typeof returnValue?.json === "string") return returnValue.json;
  const value = fromTypedData(returnValue);
  return value === null ? null : JSON.stringify(value);
}
