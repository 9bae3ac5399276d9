import { unlessAborted } from "./backoff.ts";
import { Connection } from "./connection.ts";
import type { ControlPlane } from "./control-plane.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Lease } from "./lease.ts";
import { type Log, messageOf } from "./log.ts";
import { Slots } from "./slots.ts";
import { SourceChecks } from "./source-checks.ts";
import { Standing } from "./standing.ts";
import { Stop } from "./stop.ts";
import { takeWork } from "./take-work.ts";
import type { PerformWork } from "./work/perform.ts";
import type { QueueTransport } from "./work-queue.ts";

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

/**
 * Takes work from the group's queue while a slot is free: claim over HTTPS, then settle the message, then work under the
 * lease. Resolves when `signal` was aborted and every lease is given back; rejects with RefusedError when the control plane
 * does not accept the agent any more.
 */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { log } = options;
  const stop = new Stop(signal);
  const leases = new Set<Lease>();
  const slots = new Slots(options.slots);
  const standing = new Standing(log, (reason) => {
    for (const lease of leases) lease.lose(reason);
    if (standing.refused) stop.now();
    else connection.leave();
  });
  const connection = new Connection({ ...options, standing, stop, onReady: once(options.onReady) });
  const checks = new SourceChecks(options);
  const heartbeat = new Heartbeat({
    ...options,
    outage: standing.outage,
    leases,
    onRefused: (error) => standing.failed(error),
    onGreet: () => connection.leave(),
    onChecks: (asked) => checks.take(asked),
  });
  const onMoved = () => connection.leave();
  const context = { ...options, leases, heartbeat, standing, stop, onMoved };
  // Heartbeats go on while leases are given back, so that none runs out meanwhile.
  const heartbeats = new AbortController();
  try {
    const hello = await connection.hello();
    if (hello !== undefined) void heartbeat.run(hello.heartbeatSeconds, heartbeats.signal);
    while (!stop.signal.aborted) {
      await slots.free(stop);
      const message = await connection.receive();
      if (message === undefined) continue;
      const { work } = message;
      slots.take(
        takeWork(context, message).catch((error: unknown) => {
          log.error({ ...work, error: messageOf(error) }, "handling work failed");
        }),
      );
    }
  } finally {
    stop.now();
    for (const lease of leases) lease.stop();
    // A message that still arrived would be locked to an agent that is gone: the queue is left first. The SDK waits a minute
    // for a broker that does not answer; what that broker holds is free again when its locks run out.
    const left = Promise.all([connection.close(), slots.over()]);
    await unlessAborted(left, stop.tooLate);
    heartbeats.abort();
  }
  if (standing.refused !== undefined) throw standing.refused;
}

function once(call: () => void = () => {}): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) call();
    isCalled = true;
  };
}
