import { randomUUID } from "node:crypto";
import { fromTypedData } from "../rpc-data.ts";
import { type EntityName, type EntityRequest, entityId } from "./actions.ts";
import { EventType, newEvent } from "./history.ts";
import { type Delivery, type Message, post, removeRows } from "./mailboxes.ts";
import type { TaskHub } from "./task-hub.ts";

/** A row of `entities`. `state` and `queue` are JSON; `queue` holds requests that could not run yet. */
export interface EntityRow {
  id: string;
  name: string;
  key: string;
  present: 0 | 1;
  state: string | null;
  locked_by: string | null;
  queue: string | null;
  updated: number;
}

interface BatchResult {
  entityExists: boolean;
  entityState: string | null;
  results: { isError: boolean; result: string | null }[];
  signals: { target: EntityName; name: string; input?: string }[];
}

/** Splits the id `@name@key`. */
export function parseEntityId(id: string): EntityName {
  const at = id.indexOf("@", 1);
  return { name: id.slice(1, at), key: id.slice(at + 1) };
}

export const findEntity = (hub: TaskHub, id: string): EntityRow | undefined =>
  hub.store.get<EntityRow>("SELECT * FROM entities WHERE id=?", id);

/**
 * One turn of an entity: a batch of operations, their answers and signals, in one transaction.
 * Resolves with true if requests are left for another batch.
 */
export async function runEntityTurn(hub: TaskHub, id: string, mail: Message[]): Promise<boolean> {
  const row = findEntity(hub, id);
  let lockedBy = row?.locked_by ?? null;
  const queue = row?.queue ? (JSON.parse(row.queue) as EntityRequest[]) : [];
  for (const message of mail) lockedBy = receive(message, queue, lockedBy);

  const batch: EntityRequest[] = [];
  let lockRequest: EntityRequest | undefined;
  while (batch.length < hub.options.maxEntityOperationBatchSize) {
    const next = queue[0];
    if (!next || (lockedBy !== null && next.parent !== lockedBy)) break;
    queue.shift();
    if (next.lockset) {
      lockRequest = next;
      lockedBy = next.parent ?? null;
      break;
    }
    batch.push(next);
  }
  const result = await callEntity(hub, id, row, batch);

  const messages = await hub.store.commit(() => {
    removeRows(hub.store, mail);
    saveEntity(hub, id, result, lockedBy, queue);
    const sent = answerBatch(hub, batch, result);
    for (const { target, name: op, input } of result.signals) {
      const signal = {
        op,
        signal: true,
        id: randomUUID(),
        parent: id,
        ...(input ? { input } : {}),
      };
      sent.push(postRaised(hub, entityId(target), "op", signal));
    }
    if (lockRequest) sent.push(passLockOn(hub, lockRequest));
    return sent;
  });
  hub.mailboxes.deliver(messages);
  const next = queue[0];
  return next !== undefined && (lockedBy === null || next.parent === lockedBy);
}

/** Sorts one message in: a release frees the entity; the owner of a lock goes before all others. */
function receive(
  { event }: Message,
  queue: EntityRequest[],
  lockedBy: string | null,
): string | null {
  if (event.EventType !== EventType.EventRaised) return lockedBy;
  const request = JSON.parse(event.Input ?? "{}") as EntityRequest;
  if (event.Name === "release") return lockedBy === request.parent ? null : lockedBy;
  if (lockedBy !== null && request.parent === lockedBy) {
    const first = queue.findIndex(({ parent }) => parent !== lockedBy);
    queue.splice(first < 0 ? queue.length : first, 0, request);
  } else queue.push(request);
  return lockedBy;
}

async function callEntity(
  hub: TaskHub,
  id: string,
  row: EntityRow | undefined,
  batch: EntityRequest[],
): Promise<BatchResult> {
  const { name, key } = parseEntityId(id);
  const exists = row?.present === 1;
  const state = row?.state ?? null;
  const unchanged = { entityExists: exists, entityState: state, results: [], signals: [] };
  if (batch.length === 0) return unchanged;
  const target = hub.entities.find(name);
  if (!target) {
    const result = JSON.stringify(hub.entities.unknown(name));
    return { ...unchanged, results: batch.map(() => ({ isError: true, result })) };
  }
  const trigger = {
    self: { name, key },
    exists,
    state,
    batch: batch.map(({ op, input = null, signal = false }) => ({
      name: op,
      input,
      isSignal: signal,
    })),
  };
  const { returnValue } = await hub.invoke(target, {
    inputData: [{ name: target.trigger.bindingName, data: { string: JSON.stringify(trigger) } }],
  });
  const result = fromTypedData(returnValue) as BatchResult | null;
  if (!Array.isArray(result?.results)) throw new Error(`entity '${name}' returned no results`);
  return result;
}

function answerBatch(hub: TaskHub, batch: EntityRequest[], { results }: BatchResult): Message[] {
  return batch.flatMap(({ id, signal, parent, parentExecution = null }, index) => {
    if (signal || parent === undefined) return [];
    const { result = null, isError = false } = results[index] ?? {};
    const answer = { result, ...(isError ? { exceptionType: "Error" } : {}) };
    return [postRaised(hub, parent, id, answer, { execution: parentExecution })];
  });
}

/** A lock request travels from entity to entity in order of the set; the last one answers. */
function passLockOn(hub: TaskHub, request: EntityRequest): Message {
  const { id, parent = "", parentExecution = null, lockset = [], pos = 0 } = request;
  const next = lockset[pos + 1];
  if (next) return postRaised(hub, entityId(next), "op", { ...request, pos: pos + 1 });
  const granted = { result: JSON.stringify("Lock Acquisition Completed") };
  return postRaised(hub, parent, id, granted, { execution: parentExecution });
}

function postRaised(
  { store }: TaskHub,
  target: string,
  Name: string,
  input: object,
  delivery: Delivery = {},
): Message {
  const body = { EventType: EventType.EventRaised, Name, Input: JSON.stringify(input) };
  return post(store, target, newEvent(body, Date.now()), delivery);
}

function saveEntity(
  { store }: TaskHub,
  id: string,
  { entityExists, entityState }: BatchResult,
  lockedBy: string | null,
  queue: EntityRequest[],
): void {
  if (!entityExists && queue.length === 0 && lockedBy === null) {
    store.run("DELETE FROM entities WHERE id=?", id);
    return;
  }
  const { name, key } = parseEntityId(id);
  store.run(
    `INSERT INTO entities(id,name,key,present,state,locked_by,queue,updated) VALUES(?,?,?,?,?,?,?,?)
     ON CONFLICT(id) DO UPDATE SET present=excluded.present, state=excluded.state,
       locked_by=excluded.locked_by, queue=excluded.queue, updated=excluded.updated`,
    id,
    name,
    key,
    entityExists ? 1 : 0,
    entityState ?? null,
    lockedBy,
    queue.length > 0 ? JSON.stringify(queue) : null,
    Date.now(),
  );
}
