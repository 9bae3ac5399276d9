import type { HelloResponse } from "../shared/contracts/agents.ts";
import { backoffMs, pause, unlessAborted } from "./backoff.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type Log, messageOf, Outage } from "./log.ts";
import type { Standing } from "./standing.ts";
import type { Stop } from "./stop.ts";
import { introduction } from "./version.ts";
import {
  isCredentialRefused,
  openWorkQueue,
  type QueuedWork,
  type QueueTransport,
  type WorkQueue,
} from "./work-queue.ts";

export interface ConnectionOptions {
  api: ControlPlane;
  slots: number;
  /** Folders the agent may read; none means any. */
  roots: readonly string[];
  log: Log;
  transport?: QueueTransport | undefined;
  standing: Standing;
  stop: Stop;
  /** The control plane has answered, be it that there is no work for this agent at present. */
  onReady(): void;
}

interface Session {
  queue: WorkQueue;
  /** performance.now() from which on the queue's credential is too old. */
  renewAt: number;
}

/** How long one wait for a message lasts; between two of them the credential's age is looked at. */
const RECEIVE_MS = 60_000;
/** The queue credential is renewed this long before its end, or at half its life if that is short. */
const RENEW_BEFORE_MS = 10 * 60_000;
/** But never sooner than this, whatever a clock that is wrong makes of its end. */
const RENEW_AFTER_MS = 1_000;

/**
 * The agent's place at its group's queue: it introduces itself to the control plane, which names the queue and gives the
 * credential for it, and does so again when that gets old, is refused, or the queue is not the one to wait at any more.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #queueOutage: Outage;
  /** Waits for messages that failed, one after the other. */
  #failures = 0;
  /** Whether this process has introduced itself. */
  #introduced = false;
  /** Aborted to end a wait for a message: the queue is no longer the one to wait at. */
  #interrupt = new AbortController();
  #session: Session | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#queueOutage = new Outage(options.log, "the work queue");
  }

  /** Introduces the agent and opens the queue with the credential it gets; undefined when the agent stops meanwhile. */
  async hello(): Promise<HelloResponse | undefined> {
    const { api, slots, roots, log, transport, standing, stop, onReady } = this.#options;
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      try {
        const asking = api.hello({ ...introduction(slots, roots), fresh: !this.#introduced });
        const hello = await unlessAborted(asking, stop.signal);
        if (hello === undefined) return undefined;
        this.#introduced = true;
        standing.answered();
        const life = Date.parse(hello.queueExpires) - Date.now();
        const queue = openWorkQueue(hello.queueConnection, hello.queue, transport);
        // The old connection stays until the messages it brought are settled; nobody waits for that.
        void this.close();
        this.#session = {
          queue,
          renewAt: performance.now() + Math.max(life / 2, life - RENEW_BEFORE_MS, RENEW_AFTER_MS),
        };
        log.info(
          { name: hello.name, group: hello.group, queue: hello.queue },
          "connected to the control plane",
        );
        onReady();
        return hello;
      } catch (error) {
        standing.failed(error);
        // An agent that gets no work for the time being is as ready as it can be.
        if (!standing.reachable) onReady();
        await pause(backoffMs(attempt), stop.signal);
      }
    }
    return undefined;
  }

  /**
   * Waits for one message; undefined when none came for a while, or none could be had.
   * While the control plane is away no message is received: every delivery that ends unclaimed counts, and the queue
   * dead-letters a message after a number of them.
   */
  async receive(): Promise<QueuedWork | undefined> {
    const { standing, stop } = this.#options;
    if (!standing.reachable) await this.hello();
    if (stop.signal.aborted) return undefined;
    try {
      const session = await this.#currentSession();
      if (session === undefined) return undefined;
      const left = Math.max(1, session.renewAt - performance.now());
      const wait = AbortSignal.any([stop.signal, this.#interrupt.signal]);
      const message = await session.queue.receive(Math.min(RECEIVE_MS, left), wait);
      this.#queueOutage.up();
      this.#failures = 0;
      return message;
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
      else await this.#sitOut(error);
      return undefined;
    }
  }

  /** Waits for work no longer where it did: before the next wait the agent says hello. */
  leave(): void {
    void this.close();
    this.#interrupt.abort();
  }

  /** Resolves when the messages that were received are settled. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.queue.close().catch((error: unknown) => {
      this.#options.log.debug({ error: messageOf(error) }, "closing the queue failed");
    });
  }

  async #currentSession(): Promise<Session | undefined> {
    if (this.#session === undefined || performance.now() >= this.#session.renewAt)
      await this.hello();
    return this.#session;
  }

  async #sitOut(error: unknown): Promise<void> {
    this.#queueOutage.down(error);
    if (isCredentialRefused(error) && this.#session !== undefined) this.#session.renewAt = 0;
    await pause(backoffMs(++this.#failures), this.#options.stop.signal);
  }
}
