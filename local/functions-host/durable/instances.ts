import { EventType, newEvent, newId, type ParentLink } from "./history.ts";
import { type Message, post } from "./mailboxes.ts";
import type { Store } from "./store.ts";

export type RuntimeStatus =
  | "Pending"
  | "Running"
  | "Suspended"
  | "Completed"
  | "Failed"
  | "Terminated";

/** A row of `instances`. `input`, `output`, `custom_status` and `parent` are JSON; times are epoch ms. */
export interface Instance {
  id: string;
  execution: string;
  name: string;
  version: string;
  input: string | null;
  output: string | null;
  custom_status: string | null;
  status: RuntimeStatus;
  created: number;
  updated: number;
  parent: string | null;
  /** Rows of history. */
  turns: number;
}

type Started = Pick<Instance, "id" | "execution" | "name" | "version" | "input" | "parent">;

export const isFinished = (status: RuntimeStatus | undefined): boolean =>
  status === "Completed" || status === "Failed" || status === "Terminated";

export const parentOf = ({ parent }: Pick<Instance, "parent">): ParentLink | null =>
  parent === null ? null : (JSON.parse(parent) as ParentLink);

export function findInstance(store: Store, id: string): Instance | undefined {
  return store.get<Instance>("SELECT * FROM instances WHERE id=?", id);
}

/** Thrown when the id belongs to an orchestration that has not finished. */
export class InstanceExists extends Error {
  constructor(status: RuntimeStatus) {
    super(`An Orchestration instance with the status ${status} already exists.`);
  }
}

/** Inserts a Pending instance and its first message; a finished one of that id makes room. */
export function createInstance(store: Store, instance: Omit<Started, "execution">): Message {
  const { id, name, input, version, parent } = instance;
  const old = findInstance(store, id);
  if (old && !isFinished(old.status)) throw new InstanceExists(old.status);
  if (old) removeInstances(store, [id]);
  const now = Date.now();
  const started = { id, execution: newId(), name, version, input, parent };
  store.insert("instances", { ...started, status: "Pending", created: now, updated: now });
  return postExecutionStarted(store, started, now);
}

/** Posts the event that every execution begins with. */
export function postExecutionStarted(store: Store, instance: Started, now: number): Message {
  const { id, execution, name, version, input } = instance;
  const event = newEvent(
    {
      EventType: EventType.ExecutionStarted,
      OrchestrationInstance: { InstanceId: id, ExecutionId: execution },
      ParentInstance: parentOf(instance),
      Name: name,
      Version: version,
      Input: input,
      Tags: null,
    },
    now,
  );
  return post(store, id, event, { execution });
}

/** Deletes everything about some instances. Call inside a unit of work. */
export function removeInstances(store: Store, ids: readonly string[]): void {
  const places = ["history WHERE id", "inbox WHERE target", "activities WHERE instance"];
  for (const place of [...places, "instances WHERE id"]) {
    store.run(`DELETE FROM ${place} IN (SELECT value FROM json_each(?))`, JSON.stringify(ids));
  }
}
