import type { HelloResponse } from "../shared/contracts/agents.ts";
import { LongshoreError } from "../shared/contracts/errors.ts";
import type { Issue } from "../shared/contracts/inventory.ts";
import type { ClaimResponse, WorkMessage, WorkSpec } from "../shared/contracts/work.ts";
import { backoffMs, pause } from "./backoff.ts";
import { RefusedError } from "./configuration.ts";
import { type ControlPlane, ControlPlaneError } from "./control-plane.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Lease, WorkStopped } from "./lease.ts";
import { type Log, messageOf, Outage } from "./log.ts";
import { AGENT_VERSION } from "./version.ts";
import { type PerformWork, WorkInterrupted, type WorkResult } from "./work/perform.ts";
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
const RELEASE_FOR_MS = 8_000;
/** The queue credential is renewed this long before its end, or at half its life if that is short. */
const RENEW_BEFORE_MS = 10 * 60_000;

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
  readonly #controlPlane: Outage;
  readonly #queueOutage: Outage;
  readonly #stop: AbortController;
  readonly #stopped: Promise<void>;
  #heartbeat: Heartbeat | undefined;
  #refused: RefusedError | undefined;
  #session: Session | undefined;
  #reachable = true;

  constructor(options: WorkerOptions, signal: AbortSignal) {
    this.#options = options;
    this.#api = options.api;
    this.#log = options.log;
    this.#controlPlane = new Outage(options.log, "the control plane");
    this.#queueOutage = new Outage(options.log, "the work queue");
    this.#stop = new AbortController();
    this.#stopped = new Promise((resolve) => {
      this.#stop.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (signal.aborted) this.#stop.abort();
    else signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  async run(): Promise<void> {
    const signal = this.#stop.signal;
    // Heartbeats go on while leases are given back, so that none runs out meanwhile.
    const heartbeats = new AbortController();
    let beating: Promise<void> = Promise.resolve();
    try {
      const hello = await this.#hello();
      if (hello !== undefined) {
        this.#heartbeat = new Heartbeat({
          api: this.#api,
          log: this.#log,
          outage: this.#controlPlane,
          slots: this.#options.slots,
          seconds: hello.heartbeatSeconds,
          leases: this.#leases,
          onRefused: (error) => this.#refuse(error),
        });
        beating = this.#heartbeat.run(heartbeats.signal);
        this.#options.onReady?.();
        await this.#takeWork();
      }
      for (const lease of this.#leases) lease.stop();
      await Promise.all(this.#taken);
    } finally {
      heartbeats.abort();
      await beating;
      await this.#closeQueue();
    }
    if (this.#refused !== undefined) throw this.#refused;
    if (!signal.aborted) throw new Error("the worker ended although nobody asked it to");
  }

  /** Introduces the agent and opens the queue with the credential it gets; undefined when the agent stops meanwhile. */
  async #hello(): Promise<HelloResponse | undefined> {
    const signal = this.#stop.signal;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const hello = await this.#api.hello(this.#options.slots, AGENT_VERSION);
        this.#answered();
        const life = Date.parse(hello.queueExpires) - Date.now();
        const queue = openWorkQueue(hello.queueConnection, hello.queue, this.#options.transport);
        // The old connection stays until the messages it brought are settled; nobody waits for that.
        void this.#closeQueue();
        this.#session = {
          queue,
          renewAt: performance.now() + Math.max(life / 2, life - RENEW_BEFORE_MS),
        };
        this.#log.info(
          { name: hello.name, group: hello.group, queue: hello.queue },
          "connected to the control plane",
        );
        return hello;
      } catch (error) {
        this.#noteFailure(error);
        await pause(backoffMs(attempt), signal);
      }
    }
    return undefined;
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
        const message = await session.queue.receive(Math.min(RECEIVE_MS, left), signal);
        this.#queueOutage.up();
        failures = 0;
        if (message !== undefined) this.#take(message);
      } catch (error) {
        if (signal.aborted) return;
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
    if (!this.#reachable) await this.#hello();
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
      await Promise.all([settled, this.#work(lease, spec)]);
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
        const answer = await this.#api.claim(workItem, epoch);
        this.#answered();
        return { answer, asked };
      } catch (error) {
        if (error instanceof ControlPlaneError && !error.retryable && !error.unauthorized)
          return { answer: { status: "gone", reason: error.message }, asked };
        this.#noteFailure(error);
        if (performance.now() > until || this.#stop.signal.aborted) {
          this.#reachable = false;
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

  async #work(lease: Lease, spec: WorkSpec): Promise<void> {
    const { workItem, epoch } = lease;
    const log = this.#log.child({ workItem, epoch, kind: spec.kind });
    const started = performance.now();
    log.info({ source: spec.source }, "started");
    const figures = () => ({
      items: lease.items,
      bytes: lease.bytes,
      ms: Math.round(performance.now() - started),
    });
    try {
      const result = await this.#options.perform(spec, lease, lease.signal);
      await this.#complete(lease, result);
      log.info(figures(), "completed");
    } catch (error) {
      if (lease.held.aborted) {
        log.warn({ ...figures(), reason: messageOf(lease.held.reason) }, "dropped");
      } else if (error instanceof WorkStopped || error instanceof WorkInterrupted) {
        log.info({ ...figures(), reason: error.message }, "released");
        await this.#tell(lease, () => this.#api.release(workItem, epoch));
      } else {
        const issue = issueOf(error);
        const level = error instanceof LongshoreError ? "warn" : "error";
        log[level]({ ...figures(), issue, stack: level === "error" && stackOf(error) }, "failed");
        await this.#tell(lease, () => this.#api.fail(workItem, epoch, issue));
      }
    }
  }

  async #complete(lease: Lease, result: WorkResult): Promise<void> {
    // A heartbeat that is on its way may be registering segments that would otherwise be reported twice.
    await this.#heartbeat?.idle();
    const left = lease.close();
    const { workItem, epoch } = lease;
    const whole = result.kind === "scan" ? { ...result, segments: left } : result;
    await this.#tell(lease, () => this.#api.complete(workItem, { epoch, result: whole }));
  }

  /** Reports the end of work until that is answered, or the lease is over and nobody wants to know. */
  async #tell(lease: Lease, send: () => Promise<void>): Promise<void> {
    const stopping = this.#stop.signal;
    const tooLate = new AbortController();
    const limit = () => {
      const timer = setTimeout(() => tooLate.abort(), RELEASE_FOR_MS);
      tooLate.signal.addEventListener("abort", () => clearTimeout(timer));
    };
    if (stopping.aborted) limit();
    else stopping.addEventListener("abort", limit, { once: true });
    const over = AbortSignal.any([lease.held, tooLate.signal]);
    try {
      for (let attempt = 1; !over.aborted; attempt++) {
        try {
          await send();
          this.#answered();
          return;
        } catch (error) {
          if (error instanceof ControlPlaneError && error.code === "STALE_LEASE")
            lease.lose("the control plane has given the item to another lease");
          else if (error instanceof ControlPlaneError && !error.retryable) throw error;
          else {
            this.#controlPlane.down(error);
            await pause(backoffMs(attempt, 250, 10_000), over);
          }
        }
      }
    } finally {
      stopping.removeEventListener("abort", limit);
      tooLate.abort();
    }
  }

  #answered(): void {
    this.#reachable = true;
    this.#controlPlane.up();
  }

  #noteFailure(error: unknown): void {
    if (!(error instanceof ControlPlaneError)) throw error;
    if (error.unauthorized) this.#refuse(error);
    else this.#controlPlane.down(error);
  }

  #refuse(error: ControlPlaneError): void {
    this.#refused ??= new RefusedError(
      `the control plane refuses this agent (${error.message}): configure it again with a new enrolment token`,
    );
    for (const lease of this.#leases) lease.lose("the control plane refuses this agent");
    this.#stop.abort();
  }
}

function issueOf(error: unknown): Issue {
  const code = error instanceof LongshoreError ? error.code : "INTERNAL";
  return { code, message: messageOf(error).slice(0, 2000) };
}

const stackOf = (error: unknown): string | undefined =>
  error instanceof Error ? error.stack : undefined;
