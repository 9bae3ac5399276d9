import { randomUUID } from "node:crypto";
import { entityId } from "./actions.ts";
import { type EventBody, EventType, newEvent, newId } from "./history.ts";
import { createInstance, findInstance, isFinished, removeInstances } from "./instances.ts";
import { post } from "./mailboxes.ts";
import type { TaskHub } from "./task-hub.ts";

/** What the outside may do to orchestrations and entities. All inputs are JSON texts or null. */

/** The caller's fault: answered with 400. */
export class BadArgument extends Error {}

const MAX_ID_LENGTH = 100;
/** Instances deleted by one transaction: other work goes on between them. */
const PURGE_BATCH = 500;

/** Starts an orchestration and resolves with its id; rejects with BadArgument or InstanceExists. */
export async function startNew(
  { store, orchestrators, mailboxes, options }: TaskHub,
  name: string,
  start: { id?: string | undefined; input: string | null; version?: string | undefined },
): Promise<string> {
  if (!orchestrators.find(name)) throw new BadArgument(orchestrators.unknown(name));
  const { id = newId(), input, version = options.defaultVersion } = start;
  if (id.startsWith("@") || id.length > MAX_ID_LENGTH || /[/\\#?\p{Cc}]/u.test(id)) {
    throw new BadArgument(
      `Instance ids must not start with '@', contain /, \\, #, ? or control characters, or exceed ${MAX_ID_LENGTH} characters.`,
    );
  }
  const instance = { id, name, input, version, parent: null };
  const message = await store.commit(() => createInstance(store, instance));
  mailboxes.deliver([message]);
  return id;
}

/** Puts an event into the mailbox of an orchestration or entity. */
export async function sendEvent(hub: TaskHub, target: string, event: EventBody): Promise<void> {
  const { store, mailboxes } = hub;
  const message = await store.commit(() => post(store, target, newEvent(event, Date.now())));
  mailboxes.deliver([message]);
}

/** Sends an operation to an entity, which need not exist yet. */
export function signalEntity(
  hub: TaskHub,
  name: string,
  key: string,
  operation: { op: string; input: string | null },
): Promise<void> {
  if (!hub.entities.find(name)) throw new BadArgument(hub.entities.unknown(name));
  const { op, input } = operation;
  const request = { op, signal: true, id: randomUUID(), ...(input === null ? {} : { input }) };
  const Input = JSON.stringify(request);
  const target = entityId({ name, key });
  return sendEvent(hub, target, { EventType: EventType.EventRaised, Name: "op", Input });
}

/** Deletes those of the instances that are finished; resolves with how many there were. */
export async function purge({ store }: TaskHub, ids: readonly string[]): Promise<number> {
  let purged = 0;
  for (let at = 0; at < ids.length; at += PURGE_BATCH) {
    const batch = ids.slice(at, at + PURGE_BATCH);
    purged += await store.commit(() => {
      const finished = batch.filter((id) => isFinished(findInstance(store, id)?.status));
      removeInstances(store, finished);
      return finished.length;
    });
  }
  return purged;
}
