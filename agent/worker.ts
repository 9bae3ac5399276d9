import type { HelloResponse } from "../shared/contracts/agents.ts";
import type { ClaimResponse, WorkMessage } from "../shared/contracts/work.ts";
import { backoffMs, pause, unlessAborted } from "./backoff.ts";
import { type ControlPlane, ControlPlaneError } from "./control-plane.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Lease } from "./lease.ts";
import { type LeasedWorkContext, performUnderLease } from "./leased-work.ts";
import { type Log, messageOf, Outage } from "./log.ts";
import { SourceChecks } from "./source-checks.ts";
import { Standing } from "./standing.ts";
import { introduction } from "./version.ts";
import type { PerformWork } from "./work/perform.ts";
import {
  isCredentialRefused,
  openWorkQueue,
  type QueuedWork,
  type QueueTransport,
  type WorkQueue,
} from "./work-queue.ts";

export interface WorkerOptions {
  api: ControlPlane;
  perform: PerformWork;
  slots: number;
  /** Folders the agent may read; none means any. */
  roots: readonly string[];
  log: Log;
  transport?: QueueTransport | undefined;
  onReady?: () => void;
}

interface Session {
  queue: WorkQueue;
  /** performance.now() from which on the queue's credential is too old. */
  renewAt: number;
}

/** How long one wait for a message lasts; between two of them the credential's age is looked at. */
const RECEIVE_MS = 60_000;
/** A message that cannot be claimed is given back after this long, well within the queue's lock. */
const CLAIM_FOR_MS = 15_000;
/** A service manager kills what does not stop: leases are given back within this time or run out by themselves. */
const STOP_WITHIN_MS = 8_000;
/** The queue credential is renewed this long before its end, or at half its life if that is short. */
const RENEW_BEFORE_MS = 10 * 60_000;
/** But never sooner than this, whatever a clock that is wrong makes of its end. */
const RENEW_AFTER_MS = 1_000;

/**
 * Takes work from the group's queue while a slot is free: claim over HTTPS, then settle the message, then work under the
 * lease. Resolves when `signal` was aborted and every lease is given back; rejects with RefusedError when the control plane
 * does not accept the agent any more.
 */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  await new Worker(options, signal).run();
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #api: ControlPlane;
  readonly #log: Log;
  readonly #leases = new Set<Lease>();
  /** Everything from a message's arrival to the end of its work; as many at once as there are slots. */
  readonly #taken = new Set<Promise<void>>();
  readonly #standing: Standing;
  readonly #queueOutage: Outage;
  readonly #stop: AbortController;
  readonly #stopped: Promise<void>;
  /** Aborted when a stopping agent has waited long enough for answers. */
  readonly #tooLate = new AbortController();
  #heartbeat: Heartbeat | undefined;
  #isReady = false;
  /** Whether this process has introduced itself. */
  #introduced = false;
  /** Aborted to end a wait for a message: the queue is no longer the one to wait at. */
  #interrupt = new AbortController();
  #session: Session | undefined;

  constructor(options: WorkerOptions, signal: AbortSignal) {
    this.#options = options;
    this.#api = options.api;
    this.#log = options.log;
    this.#standing = new Standing(options.log, (reason) => {
      for (const lease of this.#leases) lease.lose(reason);
      if (this.#standing.refused) this.#stop.abort();
      else this.#leaveQueue();
    });
    this.#queueOutage = new Outage(options.log, "the work queue");
    this.#stop = new AbortController();
    this.#stopped = new Promise((resolve) => {
      this.#stop.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    void this.#stopped.then(() => {
      setTimeout(() => this.#tooLate.abort(), STOP_WITHIN_MS).unref();
    });
    if (signal.aborted) this.#stop.abort();
    else signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  async run(): Promise<void> {
    // Heartbeats go on while leases are given back, so that none runs out meanwhile.
    const heartbeats = new AbortController();
    const checks = new SourceChecks(this.#options);
    try {
      const hello = await this.#hello();
      if (hello !== undefined) {
        this.#heartbeat = new Heartbeat({
          api: this.#api,
          log: this.#log,
          outage: this.#standing.outage,
          slots: this.#options.slots,
          seconds: hello.heartbeatSeconds,
          leases: this.#leases,
          onRefused: (error) => this.#standing.failed(error),
          onGreet: () => this.#leaveQueue(),
          onChecks: (asked) => checks.take(asked),
        });
        void this.#heartbeat.run(heartbeats.signal);
        this.#ready();
        await this.#takeWork();
      }
    } finally {
      this.#stop.abort();
      for (const lease of this.#leases) lease.stop();
      // A message that still arrived would be locked to an agent that is gone: the queue is left first. The SDK waits a minute
      // for a broker that does not answer; what that broker holds is free again when its locks run out.
      const left = Promise.all([this.#closeQueue(), ...this.#taken]);
      await unlessAborted(left, this.#tooLate.signal);
      heartbeats.abort();
    }
    if (this.#standing.refused !== undefined) throw this.#standing.refused;
  }

  /** Introduces the agent and opens the queue with the credential it gets; undefined when the agent stops meanwhile. */
  async #hello(): Promise<HelloResponse | undefined> {
    const signal = this.#stop.signal;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const { slots, roots } = this.#options;
        const fresh = !this.#introduced;
        const asking = this.#api.hello({ ...introduction(slots, roots), fresh });
        const hello = await unlessAborted(asking, signal);
        if (hello === undefined) return undefined;
        this.#introduced = true;
        this.#standing.answered();
        const life = Date.parse(hello.queueExpires) - Date.now();
        const queue = openWorkQueue(hello.queueConnection, hello.queue, this.#options.transport);
        // The old connection stays until the messages it brought are settled; nobody waits for that.
        void this.#closeQueue();
        this.#session = {
          queue,
          renewAt: performance.now() + Math.max(life / 2, life - RENEW_BEFORE_MS, RENEW_AFTER_MS),
        };
        this.#log.info(
          { name: hello.name, group: hello.group, queue: hello.queue },
          "connected to the control plane",
        );
        return hello;
      } catch (error) {
        this.#standing.failed(error);
        // An agent that gets no work for the time being is as ready as it can be.
        if (!this.#standing.reachable) this.#ready();
        await pause(backoffMs(attempt), signal);
      }
    }
    return undefined;
  }

  /** Says once that the agent is in touch with the control plane. */
  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#options.onReady?.();
  }

  async #closeQueue(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.queue.close().catch((error: unknown) => {
      this.#log.debug({ error: messageOf(error) }, "closing the queue failed");
    });
  }

  async #takeWork(): Promise<void> {
    const signal = this.#stop.signal;
    for (let failures = 0; !signal.aborted; ) {
      await this.#freeSlot();
      await this.#reachableAgain();
      if (signal.aborted) return;
      try {
        const session = await this.#currentSession();
        if (session === undefined) return;
        const left = Math.max(1, session.renewAt - performance.now());
        const wait = AbortSignal.any([signal, this.#interrupt.signal]);
        const message = await session.queue.receive(Math.min(RECEIVE_MS, left), wait);
        this.#queueOutage.up();
        failures = 0;
        if (message !== undefined) this.#take(message);
      } catch (error) {
        if (signal.aborted) return;
        if (this.#interrupt.signal.aborted) {
          this.#interrupt = new AbortController();
          continue;
        }
        this.#queueOutage.down(error);
        if (isCredentialRefused(error) && this.#session !== undefined) this.#session.renewAt = 0;
        await pause(backoffMs(++failures), signal);
      }
    }
  }

  async #freeSlot(): Promise<void> {
    while (this.#taken.size >= this.#options.slots && !this.#stop.signal.aborted)
      await Promise.race([...this.#taken, this.#stopped]);
  }

  /**
   * While the control plane is away no message is received: every delivery that ends unclaimed counts, and the queue
   * dead-letters a message after a number of them.
   */
  async #reachableAgain(): Promise<void> {
    if (!this.#standing.reachable) await this.#hello();
  }

  async #currentSession(): Promise<Session | undefined> {
    if (this.#session === undefined || performance.now() >= this.#session.renewAt)
      await this.#hello();
    return this.#session;
  }

  #take(message: QueuedWork): void {
    const done = this.#claimAndPerform(message)
      .catch((error: unknown) => {
        this.#log.error({ ...message.work, error: messageOf(error) }, "handling work failed");
      })
      .finally(() => this.#taken.delete(done));
    this.#taken.add(done);
  }

  async #claimAndPerform(message: QueuedWork): Promise<void> {
    const { workItem, epoch } = message.work;
    const running = [...this.#leases].some((l) => l.workItem === workItem && l.epoch >= epoch);
    const claimed = running ? undefined : await this.#claim(message.work);
    if (claimed === "impossible") {
      await this.#settle(message, "abandon");
      return;
    }
    // The lease covers the work from here on. If settling fails the message comes again and its claim says "gone".
    const settled = this.#settle(message, "complete");
    if (claimed === undefined || claimed.answer.status === "gone") {
      const reason = claimed?.answer.status === "gone" ? claimed.answer.reason : "already running";
      this.#log.info({ workItem, epoch, reason }, "dropped a message");
      await settled;
      return;
    }
    const { leaseSeconds, spec, epoch: granted } = claimed.answer;
    const lease = new Lease({ workItem, epoch: granted, leaseSeconds, asked: claimed.asked }, () =>
      this.#heartbeat?.soon(),
    );
    this.#leases.add(lease);
    if (this.#stop.signal.aborted) lease.stop();
    try {
      await Promise.all([settled, performUnderLease(this.#workContext(), lease, spec)]);
    } finally {
      this.#leases.delete(lease);
      lease.dispose();
    }
  }

  async #claim({
    workItem,
    epoch,
  }: WorkMessage): Promise<{ answer: ClaimResponse; asked: number } | "impossible"> {
    const until = performance.now() + CLAIM_FOR_MS;
    for (let attempt = 1; ; attempt++) {
      const asked = performance.now();
      try {
        const asking = this.#api.claim(workItem, epoch);
        const answer = await unlessAborted(asking, this.#tooLate.signal);
        if (answer === undefined) return "impossible";
        this.#standing.answered();
        if (answer.status === "gone" && answer.moved) {
          this.#leaveQueue();
          return "impossible";
        }
        return { answer, asked };
      } catch (error) {
        const isGone = error instanceof ControlPlaneError && !error.retryable;
        if (isGone && !error.unauthorized && !error.suspended)
          return { answer: { status: "gone", reason: error.message }, asked };
        this.#standing.failed(error);
        if (performance.now() > until || this.#stop.signal.aborted || !this.#standing.reachable) {
          this.#standing.reachable = false;
          return "impossible";
        }
        await pause(backoffMs(attempt), this.#stop.signal);
      }
    }
  }

  async #settle(message: QueuedWork, how: "complete" | "abandon"): Promise<void> {
    await message[how]().catch((error: unknown) => {
      this.#log.warn(
        { ...message.work, how, error: messageOf(error) },
        "settling a message failed",
      );
    });
  }

  #workContext(): LeasedWorkContext {
    return {
      api: this.#api,
      perform: this.#options.perform,
      log: this.#log,
      outage: this.#standing.outage,
      heartbeatIdle: async () => this.#heartbeat?.idle(),
      tooLate: this.#tooLate.signal,
    };
  }

  /** Waits for work no longer where it did: before the next wait the agent says hello. */
  #leaveQueue(): void {
    void this.#closeQueue();
    this.#interrupt.abort();
  }
}
