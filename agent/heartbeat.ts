import type { HeartbeatResponse } from "../shared/contracts/work.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { ControlPlane } from "./control-plane.ts";
import { ControlPlaneError } from "./control-plane.ts";
import type { Lease } from "./lease.ts";
import { type Log, messageOf, type Outage } from "./log.ts";

/** Segments are registered early, but a quick scan must not become a flood of requests. */
const EARLIEST_MS = 250;

export interface HeartbeatOptions {
  api: ControlPlane;
  log: Log;
  outage: Outage;
  slots: number;
  leases: ReadonlySet<Lease>;
  /** The control plane no longer knows this agent, or gives it no work for the time being. */
  onRefused: (error: ControlPlaneError) => void;
  /** The agent has to introduce itself again: its queue is another one. */
  onGreet: () => void;
  /** Sources that the agent is asked to try; the same ones come with every heartbeat until they are answered. */
  onChecks: (checks: HeartbeatResponse["checks"]) => void;
}

/**
 * One heartbeat for everything that runs: it renews the leases, carries progress and new segments, and brings back which
 * work is to stop or to be given back. It also goes out while nothing runs: it is how the control plane knows the agent is there.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #seconds = 0;
  #wake = new AbortController();
  #beat: Promise<void> = Promise.resolve();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** There is something to register: do not wait for the interval to pass. */
  soon(): void {
    this.#wake.abort();
  }

  /** Resolves when no heartbeat is on its way. */
  idle(): Promise<void> {
    return this.#beat;
  }

  /** Sends heartbeats until the signal, every so many seconds until an answer says otherwise; never throws. */
  async run(seconds: number, signal: AbortSignal): Promise<void> {
    this.#seconds = seconds;
    let failures = 0;
    while (!signal.aborted) {
      const started = performance.now();
      await pause(this.#intervalMs(failures), AbortSignal.any([signal, this.#wake.signal]));
      await pause(started + EARLIEST_MS - performance.now(), signal);
      if (signal.aborted) return;
      this.#wake = new AbortController();
      const beat = this.#send();
      this.#beat = beat.then(() => undefined);
      failures = (await beat) ? 0 : failures + 1;
    }
  }

  /** A tenth of jitter keeps agents that started together from staying together. */
  #intervalMs(failures: number): number {
    const interval = this.#seconds * 1000 * (0.95 + Math.random() * 0.1);
    return failures === 0 ? interval : Math.min(interval, backoffMs(failures));
  }

  async #send(): Promise<boolean> {
    const { api, slots, leases, outage, log, onRefused, onGreet, onChecks } = this.#options;
    const reports = [...leases].map((lease) => ({ lease, report: lease.report() }));
    const asked = performance.now();
    try {
      const answer = await api.heartbeat({ slots, work: reports.map(({ report }) => report) });
      outage.up();
      this.#seconds = answer.heartbeatSeconds;
      const verdicts = new Map(answer.work.map(({ workItem, verdict }) => [workItem, verdict]));
      for (const { lease, report } of reports) {
        const verdict = verdicts.get(lease.workItem) ?? "stop";
        if (verdict === "stop") {
          lease.refuse();
          continue;
        }
        if (verdict === "yield") lease.yield();
        lease.renew(asked);
        lease.registered(report.segments ?? []);
      }
      if (answer.greet) onGreet();
      onChecks(answer.checks);
      if ([...leases].some((lease) => lease.hasSegments)) this.soon();
      return true;
    } catch (error) {
      const refused = error instanceof ControlPlaneError && (error.unauthorized || error.suspended);
      if (refused) onRefused(error);
      else if (error instanceof ControlPlaneError && !error.retryable)
        log.error({ error: messageOf(error) }, "the control plane did not accept a heartbeat");
      else outage.down(error);
      return false;
    }
  }
}
