import type { AppFunction } from "../app-loader.ts";
import type { Invoke } from "../invoker.ts";
import type { Log } from "../logger.ts";
import { ActivityRunner } from "./activities.ts";
import { DurableClient } from "./client.ts";
import { runEntityTurn } from "./entities.ts";
import { Executions } from "./executions.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { DurableOptions } from "./options.ts";
import { Scheduler } from "./scheduler.ts";
import type { Store } from "./store.ts";
import { FunctionTable, type TaskHub } from "./task-hub.ts";
import { runTurn } from "./turn.ts";

export interface DurableEngine {
  hub: TaskHub;
  client: DurableClient;
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
  const { store, options, functions, invoke, log } = parts;
  const executions = new Executions(store);
  const mailboxes = new Mailboxes((id) => scheduler.announce(id));
  const hub: TaskHub = {
    store,
    options,
    invoke,
    log,
    executions,
    mailboxes,
    orchestrators: new FunctionTable(functions, "orchestrationTrigger", "an orchestrator"),
    activities: new FunctionTable(functions, "activityTrigger", "an activity"),
    entities: new FunctionTable(functions, "entityTrigger", "an entity"),
    startActivities: (tasks) => runner.enqueue(tasks),
    stats: { turns: 0, replayedEvents: 0, activities: 0 },
  };
  const runner = new ActivityRunner(hub);
  const scheduler = new Scheduler({
    mailboxes,
    log,
    limit: options.maxConcurrentOrchestratorFunctions,
    pauseUntil: (id) => executions.pauseUntil(id),
    runTurn: async (id, mail) => {
      if (id.startsWith("@")) return runEntityTurn(hub, id, mail);
      await runTurn(hub, id, mail);
      return false;
    },
  });
  return {
    hub,
    client: new DurableClient(hub),
    start() {
      mailboxes.load(store);
      const waiting = "SELECT id FROM entities WHERE queue IS NOT NULL";
      for (const { id } of store.all<{ id: string }>(waiting)) scheduler.announce(id);
      runner.start();
      scheduler.start();
    },
    stop() {
      scheduler.stop();
      runner.stop();
      mailboxes.stop();
    },
    active: () => scheduler.active + runner.active,
  };
}
