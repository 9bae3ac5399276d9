import { keyFile, loadConfiguration, RefusedError } from "../configuration.ts";
import { createControlPlane } from "../control-plane.ts";
import { loadPrivateKey } from "../identity.ts";
import type { Log } from "../log.ts";
import { createPerformer } from "../work/perform.ts";
import type { QueueTransport } from "../work-queue.ts";
import { runWorker } from "../worker.ts";

export interface RunOptions {
  data: string;
  slots: number;
  transport: QueueTransport;
}

/** One slot must be left for uploads while another one scans. */
export const MIN_SLOTS = 2;

/** Runs the agent until SIGTERM or SIGINT. Throws RefusedError when it is of no use to try again. */
export async function run({ data, slots, transport }: RunOptions, log: Log): Promise<void> {
  if (!Number.isInteger(slots) || slots < MIN_SLOTS)
    throw new RefusedError(`--slots must be a whole number of at least ${MIN_SLOTS}`);
  const { controlPlane, agentId, roots } = loadConfiguration(data);
  const api = createControlPlane(controlPlane, agentId, loadKey(data));
  const onReady = () =>
    process.stdout.write(`${JSON.stringify({ ready: true, agentId, pid: process.pid })}\n`);
  const perform = createPerformer(roots, log);
  await runWorker({ api, perform, slots, roots, log, transport, onReady }, stopOnSignals(log));
}

function loadKey(data: string) {
  try {
    return loadPrivateKey(keyFile(data));
  } catch (error) {
    throw new RefusedError(`the agent's key ${keyFile(data)} cannot be used: ${error}`);
  }
}

/** The first signal stops the work and gives it back; the second one ends the process on the spot. */
function stopOnSignals(log: Log): AbortSignal {
  const stop = new AbortController();
  const onSignal = (name: string) => {
    if (stop.signal.aborted) process.exit(0);
    log.info({ signal: name }, "stopping");
    stop.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return stop.signal;
}
