import type { AppFunction } from "../app-loader.ts";
import type { Invoke } from "../invoker.ts";
import type { Log } from "../logger.ts";
import { runActivity } from "./activities.ts";
import { runEntityTurn } from "./entities.ts";
import { Executions } from "./executions.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { DurableOptions } from "./options.ts";
import { Scheduler } from "./scheduler.ts";
import type { Store } from "./store.ts";
import { type ActivityTask, FunctionTable, type TaskHub } from "./task-hub.ts";
import { runTurn } from "./turn.ts";
import { WorkPool } from "./work-pool.ts";

export interface DurableEngine {
  hub: TaskHub;
  /** Picks up what the store holds and begins to work. */
  start(): void;
  /** Takes on nothing new; what is under way goes on. */
  stop(): void;
  /** Turns and activities under way. */
  active(): number;
}

/** Puts the parts of the Durable runtime together. */
export function createDurableEngine(parts: {
  store: Store;
  options: DurableOptions;
  functions: readonly AppFunction[];
  invoke: Invoke;
  log: Log;
}): DurableEngine {
  const { store, options, functions, log } = parts;
  const executions = new Executions(store);
  const mailboxes = new Mailboxes(store, (id) => scheduler.announce(id));
  const activities = new WorkPool<ActivityTask>(options.maxConcurrentActivityFunctions, (task) =>
    runActivity(hub, task),
  );
  const hub: TaskHub = {
    ...parts,
    executions,
    mailboxes,
    orchestrators: new FunctionTable(functions, "orchestrationTrigger", "an orchestrator"),
    activities: new FunctionTable(functions, "activityTrigger", "an activity"),
    entities: new FunctionTable(functions, "entityTrigger", "an entity"),
    startActivity: (task) => activities.push(task),
    stats: { turns: 0, replayedEvents: 0, activities: 0 },
  };
  const scheduler = new Scheduler({
    mailboxes,
    log,
    limit: options.maxConcurrentOrchestratorFunctions,
    pauseUntil: (id) => executions.pauseUntil(id),
    runTurn: (id, mail) => (id.startsWith("@") ? runEntityTurn : runTurn)(hub, id, mail),
  });
  return {
    hub,
    start() {
      mailboxes.start();
      const waiting = store.all<ActivityTask>("SELECT * FROM activities ORDER BY row");
      for (const task of waiting) activities.push(task);
      activities.start();
      scheduler.pool.start();
    },
    stop() {
      scheduler.pool.stop();
      activities.stop();
      mailboxes.stop();
    },
    active: () => scheduler.pool.active + activities.active,
  };
}
