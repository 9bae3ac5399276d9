import { setTimeout as sleep } from "node:timers/promises";
import { describeError, type Log } from "./logger.ts";

/** How long a stopping host waits for functions under way. */
const GRACE_MS = 10_000;
/** How long it waits for connections to close; an SDK client without its server may never do so. */
const CLOSE_MS = 2000;

/** Waits until nothing is under way. What outlasts the grace period runs again after the next start. */
export async function settle(outstanding: () => number, log: Log): Promise<void> {
  const deadline = Date.now() + GRACE_MS;
  while (outstanding() > 0 && Date.now() < deadline) await sleep(10);
  const left = outstanding();
  if (left > 0) {
    log("warning", "Host.General", `${left} invocations did not end within ${GRACE_MS} ms`);
  }
}

/** Waits for one step of a shutdown, but neither for ever nor for its success. */
export async function within(step: Promise<unknown>, name: string, log: Log): Promise<void> {
  const late = sleep(CLOSE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not done after ${CLOSE_MS} ms`);
  });
  try {
    await Promise.race([step, late]);
  } catch (error) {
    log("warning", "Host.General", `${name}: ${describeError(error)}`);
  }
}
