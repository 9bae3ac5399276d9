import { setTimeout as sleep } from "node:timers/promises";
import type { AppFunction } from "./app-loader.ts";
import type { RetryOptions } from "./core-module.ts";
import type { Store } from "./durable/store.ts";
import { expandSettings } from "./host-config.ts";
import type { InvocationDetails, Invoke } from "./invoker.ts";
import { type Log, logFailure } from "./logger.ts";
import { parseSchedule, type Schedule } from "./ncrontab.ts";

/** Node's timers stand still while the machine sleeps, the time of day does not: look at it this often. */
const LONGEST_SLEEP_MS = 60_000;
/** Schedules that run more often than this are not monitored (MS docs: functions-bindings-timer). */
const MONITORED_INTERVAL_MS = 60_000;
const NEVER = "0001-01-01T00:00:00";

interface ScheduleStatus {
  Last: string;
  Next: string;
  LastUpdated: string;
}

export interface TimerTriggerOptions {
  functions: readonly AppFunction[];
  store: Store;
  invoke: Invoke;
  log: Log;
}

export interface TimerTriggers {
  start(): void;
  stop(): void;
  active(): number;
  /** Runs a timer function now, unless it is running. */
  fire(name: string): void;
}

/** All timer functions of an app: one run of each at a time, the next due time computed after it. */
export function createTimerTriggers(options: TimerTriggerOptions): TimerTriggers {
  const timers = options.functions
    .filter(({ trigger }) => trigger.type === "timerTrigger")
    .map((target) => createTimer(target, options));
  return {
    start: () => {
      for (const timer of timers) timer.start();
    },
    stop: () => {
      for (const timer of timers) timer.stop();
    },
    active: () => timers.filter((timer) => timer.isRunning()).length,
    fire: (name) => timers.find((timer) => timer.name === name)?.fire(),
  };
}

function createTimer(target: AppFunction, { store, invoke, log }: TimerTriggerOptions) {
  const { name, metadata } = target;
  const { binding } = target.trigger;
  const schedule = parseSchedule(expandSettings(String(binding.schedule)));
  const monitored = binding.useMonitor !== false && intervalOf(schedule) >= MONITORED_INTERVAL_MS;
  const key = `timer:${name}`;
  let status = monitored ? store.readValue<ScheduleStatus>(key) : undefined;
  let handle: NodeJS.Timeout | undefined;
  let stopping = false;
  let running = false;

  function save(Last: string, next: Date | undefined): void {
    status = { Last, Next: next?.toISOString() ?? NEVER, LastUpdated: new Date().toISOString() };
    if (monitored) store.writeValue(key, status);
  }

  function arm(next: Date | undefined): void {
    if (stopping || !next) return;
    clearTimeout(handle);
    const delay = next.getTime() - Date.now();
    const act = delay > LONGEST_SLEEP_MS ? () => arm(next) : () => void run(false, next);
    handle = setTimeout(act, Math.min(Math.max(0, delay), LONGEST_SLEEP_MS));
  }

  /** `due` is the occurrence that the run belongs to; a real timer may fire a moment before it. */
  async function run(IsPastDue: boolean, due = new Date(0)): Promise<void> {
    if (running) return;
    running = true;
    clearTimeout(handle);
    const began = new Date();
    const ScheduleStatus = monitored
      ? { LastUpdated: began, Last: NEVER, ...status, Next: schedule.next(began) }
      : null;
    const info = { Schedule: { AdjustForDST: !schedule.constant }, ScheduleStatus, IsPastDue };
    const trigger = { json: JSON.stringify(info) };
    try {
      await withRetry(metadata.retryOptions, (retry) => invoke(target, trigger, retry));
    } catch (error) {
      logFailure(log, name, error);
    }
    running = false;
    const next = schedule.next(new Date(Math.max(Date.now(), due.getTime())));
    save(began.toISOString(), next);
    arm(next);
  }

  return {
    name,
    isRunning: () => running,
    fire: () => void run(false),
    stop: () => {
      stopping = true;
      clearTimeout(handle);
    },
    start: () => {
      const missed = status !== undefined && Date.parse(status.Next) < Date.now();
      if (missed || binding.runOnStartup === true) void run(missed);
      else {
        const next = schedule.next(new Date());
        if (!status) save(NEVER, next);
        arm(next);
      }
    },
  };
}

function intervalOf(schedule: Schedule): number {
  const first = schedule.next(new Date());
  const second = first && schedule.next(first);
  return second ? second.getTime() - first.getTime() : Number.POSITIVE_INFINITY;
}

/** The function's own retry policy; a count of -1 tries for ever. */
async function withRetry(
  policy: RetryOptions | undefined,
  call: (details: InvocationDetails) => Promise<unknown>,
): Promise<void> {
  if (!policy) return void (await call({}));
  const { maxRetryCount } = policy;
  for (let retryCount = 0; ; retryCount++) {
    try {
      return void (await call({ retryContext: { retryCount, maxRetryCount } }));
    } catch (error) {
      if (maxRetryCount !== -1 && retryCount >= maxRetryCount) throw error;
      await sleep(retryDelay(policy, retryCount) * 1000);
    }
  }
}

/** In seconds. */
function retryDelay(policy: RetryOptions, retryCount: number): number {
  const { retryStrategy, delayInterval, minimumInterval, maximumInterval } = policy;
  if (retryStrategy === "fixedDelay") return delayInterval?.seconds ?? 0;
  const delay = (minimumInterval?.seconds ?? 0) * 2 ** retryCount;
  return Math.min(delay, maximumInterval?.seconds ?? delay);
}
