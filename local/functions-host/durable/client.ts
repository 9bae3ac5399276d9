import { randomUUID } from "node:crypto";
import { entityId } from "./actions.ts";
import { EventType, type HistoryEvent, newEvent, newId } from "./history.ts";
import { createInstance, findInstance, isFinished, removeInstance } from "./instances.ts";
import { post } from "./mailboxes.ts";
import type { TaskHub } from "./task-hub.ts";

/** The caller's fault: answered with 400. */
export class BadArgument extends Error {}

const MAX_ID_LENGTH = 100;

/** What the outside may do to orchestrations and entities. All inputs are JSON texts or null. */
export class DurableClient {
  readonly #hub: TaskHub;

  constructor(hub: TaskHub) {
    this.#hub = hub;
  }

  /** Starts an orchestration and resolves with its id; rejects with BadArgument or InstanceExists. */
  async startNew(
    name: string,
    options: { id?: string | undefined; input: string | null; version?: string | undefined },
  ): Promise<string> {
    const { store, orchestrators, mailboxes } = this.#hub;
    if (!orchestrators.find(name)) throw new BadArgument(orchestrators.unknown(name));
    const { id = newId(), input, version } = options;
    checkInstanceId(id);
    const message = await store.commit(() => createInstance(store, { id, name, input, version }));
    mailboxes.deliver([message]);
    return id;
  }

  raiseEvent(id: string, name: string, input: string | null): Promise<void> {
    return this.#send(
      id,
      newEvent({ EventType: EventType.EventRaised, Name: name, Input: input }, Date.now()),
    );
  }

  terminate(id: string, reason: string): Promise<void> {
    const body = { EventType: EventType.ExecutionTerminated, Input: reason };
    return this.#send(id, newEvent(body, Date.now()));
  }

  suspend(id: string, reason: string): Promise<void> {
    const body = { EventType: EventType.ExecutionSuspended, Reason: reason };
    return this.#send(id, newEvent(body, Date.now()));
  }

  resume(id: string, reason: string): Promise<void> {
    const body = { EventType: EventType.ExecutionResumed, Reason: reason };
    return this.#send(id, newEvent(body, Date.now()));
  }

  signalEntity(name: string, key: string, op: string, input: string | null): Promise<void> {
    if (!this.#hub.entities.find(name)) throw new BadArgument(this.#hub.entities.unknown(name));
    const request = { op, signal: true, id: randomUUID(), ...(input === null ? {} : { input }) };
    return this.raiseEvent(entityId({ name, key }), "op", JSON.stringify(request));
  }

  /** Deletes finished instances; resolves with how many there were. */
  purge(ids: readonly string[]): Promise<number> {
    const { store } = this.#hub;
    return store.commit(() => {
      const finished = ids.filter((id) => {
        const instance = findInstance(store, id);
        return instance && isFinished(instance.status);
      });
      for (const id of finished) removeInstance(store, id);
      return finished.length;
    });
  }

  async #send(target: string, event: HistoryEvent): Promise<void> {
    const { store, mailboxes } = this.#hub;
    mailboxes.deliver([await store.commit(() => post(store, target, event))]);
  }
}

function checkInstanceId(id: string): void {
  if (id.startsWith("@") || id.length > MAX_ID_LENGTH || /[/\\#?\p{Cc}]/u.test(id)) {
    throw new BadArgument(
      `Instance ids must not start with '@', contain /, \\, #, ? or control characters, or exceed ${MAX_ID_LENGTH} characters.`,
    );
  }
}
