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

export interface NewInstance {
  id: string;
  name: string;
  input: string | null;
  version: string;
  parent?: ParentLink;
}

export const isFinished = (status: RuntimeStatus | undefined): boolean =>
  status === "Completed" || status === "Failed" || status === "Terminated";

export const parentOf = ({ parent }: Instance): ParentLink | null =>
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
export function createInstance(store: Store, instance: NewInstance): Message {
  const { id, name, input, version, parent } = instance;
  const old = findInstance(store, id);
  if (old && !isFinished(old.status)) throw new InstanceExists(old.status);
  if (old) removeInstances(store, [id]);
  const now = Date.now();
  const execution = newId();
  store.run(
    "INSERT INTO instances(id,execution,name,version,input,status,created,updated,parent) VALUES(?,?,?,?,?,'Pending',?,?,?)",
    id,
    execution,
    name,
    version,
    input,
    now,
    now,
    parent ? JSON.stringify(parent) : null,
  );
  return postExecutionStarted(store, { id, execution, name, version, input }, parent ?? null, now);
}

/** Posts the event that every execution begins with. */
export function postExecutionStarted(
  store: Store,
  instance: Pick<Instance, "id" | "execution" | "name" | "version" | "input">,
  parent: ParentLink | null,
  now: number,
): Message {
  const { id, execution, name, version, input } = instance;
  const event = newEvent(
    {
      EventType: EventType.ExecutionStarted,
      OrchestrationInstance: { InstanceId: id, ExecutionId: execution },
      ParentInstance: parent,
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
