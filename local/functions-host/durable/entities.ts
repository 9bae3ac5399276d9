import { randomUUID } from "node:crypto";
import { fromTypedData } from "../rpc-data.ts";
import { type EntityName, type EntityRequest, entityId } from "./actions.ts";
import { EventType, newEvent } from "./history.ts";
import { type Delivery, type Message, post, removeRows } from "./mailboxes.ts";
import type { TaskHub } from "./task-hub.ts";

/** What an entity function returns for a batch of operations. States, inputs and results are JSON. */
interface BatchResult {
  entityExists: boolean;
  entityState: string | null;
  results: { isError: boolean; result: string | null }[];
  signals: { target: EntityName; name: string; input?: string }[];
}

/** The state of an entity as JSON; undefined if there is no such entity. */
export function readEntity({ store }: TaskHub, id: string): string | null | undefined {
  const sql = "SELECT state FROM entity_states WHERE id=?";
  return store.get<{ state: string | null }>(sql, id)?.state;
}

/** One turn of an entity: a batch of operations, their answers and signals, in one transaction. */
export async function runEntityTurn(hub: TaskHub, id: string, mail: Message[]): Promise<void> {
  const batch = mail.slice(0, hub.options.maxEntityOperationBatchSize);
  const requests = batch.map(({ event }) =>
    event.EventType === EventType.EventRaised ? JSON.parse(event.Input ?? "{}") : {},
  ) as EntityRequest[];
  const result = await callEntity(hub, id, requests);
  const messages = await hub.store.commit(() => {
    removeRows(hub.store, batch);
    saveEntity(hub, id, result);
    return [...answers(hub, requests, result), ...signals(hub, id, result)];
  });
  hub.mailboxes.putBack(id, mail.slice(batch.length));
  hub.mailboxes.deliver(messages);
}

async function callEntity(
  hub: TaskHub,
  id: string,
  requests: EntityRequest[],
): Promise<BatchResult> {
  const at = id.indexOf("@", 1);
  const [name, key] = [id.slice(1, at), id.slice(at + 1)];
  const stored = readEntity(hub, id);
  const exists = stored !== undefined;
  const state = stored ?? null;
  const target = hub.entities.find(name);
  if (!target) {
    const refusal = { isError: true, result: JSON.stringify(hub.entities.unknown(name)) };
    const results = requests.map(() => refusal);
    return { entityExists: exists, entityState: state, results, signals: [] };
  }
  const batch = requests.map(({ op, input = null, signal = false }) => ({
    name: op,
    input,
    isSignal: signal,
  }));
  const trigger = JSON.stringify({ self: { name, key }, exists, state, batch });
  const result = fromTypedData(await hub.invoke(target, { string: trigger })) as BatchResult | null;
  if (!Array.isArray(result?.results)) throw new Error(`entity '${name}' returned no results`);
  return result;
}

function saveEntity({ store }: TaskHub, id: string, result: BatchResult): void {
  const { entityExists, entityState } = result;
  if (entityExists) {
    const sql = "INSERT OR REPLACE INTO entity_states(id,state) VALUES(?,?)";
    store.run(sql, id, entityState ?? null);
  } else store.run("DELETE FROM entity_states WHERE id=?", id);
}

/** To the orchestrations that called; who signals hears nothing. */
function answers(hub: TaskHub, requests: EntityRequest[], { results }: BatchResult): Message[] {
  return requests.flatMap(({ id, signal, parent, parentExecution = null }, index) => {
    if (signal || parent === undefined) return [];
    const { result = null, isError = false } = results[index] ?? {};
    const answer = { result, ...(isError ? { exceptionType: "Error" } : {}) };
    return [raise(hub, parent, id, answer, { execution: parentExecution })];
  });
}

const signals = (hub: TaskHub, parent: string, result: BatchResult): Message[] =>
  result.signals.map(({ target, name: op, input }) => {
    const request = { op, signal: true, id: randomUUID(), parent, ...(input ? { input } : {}) };
    return raise(hub, entityId(target), "op", request);
  });

function raise(hub: TaskHub, target: string, Name: string, input: object, delivery?: Delivery) {
  const body = { EventType: EventType.EventRaised, Name, Input: JSON.stringify(input) };
  return post(hub.store, target, newEvent(body, Date.now()), delivery);
}
