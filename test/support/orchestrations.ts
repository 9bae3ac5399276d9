import { setTimeout as sleep } from "node:timers/promises";
import type { DurableClient, OrchestrationContext } from "durable-functions";
import type { Activity } from "../../functions/activities/activity.ts";
import type { Services } from "../../functions/services.ts";
import { isRetriedAtOnce, LongshoreError } from "../../shared/contracts/errors.ts";

/*
 * Orchestrations without a host: the generators of the product, driven in memory. Activities run with the services that the test
 * gives, are repeated when they throw, as their retry policy says, and everything between steps travels as JSON. Timers are
 * short. There is no history: a process that is killed forgets its orchestrations, as when a task hub is lost.
 */

type Orchestrator = (context: OrchestrationContext) => Generator<unknown, unknown, unknown>;
type Step =
  | { kind: "activity"; name: string; input: unknown }
  | { kind: "child"; name: string; input: unknown; id: string }
  | { kind: "timer"; cancel(): void }
  | { kind: "event"; name: string }
  | { kind: "any" | "all"; steps: Step[] };

const ATTEMPTS = 5;
const TIMER_MS = 10;

/** Thrown by the services of a process that has been killed: nothing in it goes on after that. */
export class Killed extends Error {}

let loaded: ReturnType<typeof importAll> | undefined;

/** Every activity and orchestrator. @azure/functions warns of each that there is no host to register it with. */
function load(): ReturnType<typeof importAll> {
  const { warn } = console;
  if (!loaded) {
    console.warn = () => undefined;
    loaded = importAll().finally(() => {
      console.warn = warn;
    });
  }
  return loaded;
}

/** Late: Jest 30 cannot require() CommonJS while it links the modules that import it. */
async function importAll() {
  const [activities, orchestrations] = await Promise.all([
    Promise.all([
      import("../../functions/activities/cancelRest.ts"),
      import("../../functions/activities/checkWork.ts"),
      import("../../functions/activities/closeRound.ts"),
      import("../../functions/activities/dispatchNext.ts"),
      import("../../functions/activities/failRound.ts"),
      import("../../functions/activities/finishScan.ts"),
      import("../../functions/activities/followImport.ts"),
      import("../../functions/activities/offerWork.ts"),
      import("../../functions/activities/openRound.ts"),
      import("../../functions/activities/packageSegment.ts"),
      import("../../functions/activities/recordPackage.ts"),
      import("../../functions/activities/resetPackage.ts"),
      import("../../functions/activities/sealPackage.ts"),
      import("../../functions/activities/submitImport.ts"),
      import("../../functions/activities/takeSegment.ts"),
    ]),
    Promise.all([
      import("../../functions/orchestrations/agentWork.ts"),
      import("../../functions/orchestrations/importPackage.ts"),
      import("../../functions/orchestrations/migratePackage.ts"),
      import("../../functions/orchestrations/migrateTask.ts"),
      import("../../functions/orchestrations/packageLane.ts"),
      import("../../functions/orchestrations/scanSource.ts"),
    ]),
  ]);
  return {
    activities: Object.assign({}, ...activities) as Record<string, Activity<unknown, unknown>>,
    orchestrators: Object.assign({}, ...orchestrations) as Record<string, Orchestrator>,
  };
}

/** One process of the control plane. */
export class Orchestrations {
  private readonly app: Services;
  private readonly events = new Map<string, number>();
  private killed: Killed | undefined;
  /** For activities that begin orchestrations. */
  client: DurableClient | undefined;
  /** Names of the activities that ran, in order, with repetitions. */
  readonly ran: string[] = [];

  constructor(app: Services) {
    this.app = app;
  }

  raise(instance: string, event: string): void {
    const key = `${instance} ${event}`;
    this.events.set(key, (this.events.get(key) ?? 0) + 1);
  }

  /** Runs an orchestration to its end; throws what it throws, or Killed. */
  async run(name: string, input: unknown, id: string): Promise<unknown> {
    const { orchestrators } = await load();
    for (let current = input; ; ) {
      let next: { input: unknown } | undefined;
      const context = this.context(id, current, (again) => {
        next = { input: again };
      });
      const generator = (orchestrators[name] as Orchestrator)(context);
      let turn = generator.next();
      while (!turn.done) turn = await this.resume(generator, turn.value as Step, id);
      if (!next) return copy(turn.value);
      current = next.input;
    }
  }

  private async resume(generator: ReturnType<Orchestrator>, step: Step, id: string) {
    let value: unknown;
    try {
      value = await this.settle(step, id);
    } catch (error) {
      if (error instanceof Killed) throw error;
      return generator.throw(
        new Error(`${step.kind} failed: ${(error as Error).message} \n details`),
      );
    }
    return generator.next(value);
  }

  private async settle(step: Step, id: string): Promise<unknown> {
    switch (step.kind) {
      case "activity":
        return this.activity(step.name, step.input);
      case "child":
        return this.run(step.name, copy(step.input), step.id);
      case "all": {
        const settled = await Promise.allSettled(step.steps.map((each) => this.settle(each, id)));
        for (const each of settled) if (each.status === "rejected") throw each.reason;
        return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value);
      }
      case "any": {
        const event = step.steps.find((each) => each.kind === "event");
        for (let waited = 0; waited < 5; waited++) {
          if (event && this.take(`${id} ${event.name}`)) return event;
          await this.pause();
        }
        return step.steps.find((each) => each.kind === "timer");
      }
      default:
        return this.pause();
    }
  }

  private async pause(): Promise<void> {
    await sleep(TIMER_MS);
    if (this.killed) throw this.killed;
  }

  private take(key: string): boolean {
    const waiting = this.events.get(key) ?? 0;
    if (waiting > 0) this.events.set(key, waiting - 1);
    return waiting > 0;
  }

  /** As the host runs it: refusals that no retry mends are values, everything else is thrown and tried again. */
  private async activity(name: string, input: unknown): Promise<unknown> {
    const activity = (await load()).activities[name] as Activity<unknown, unknown>;
    for (let attempt = 1; ; attempt++) {
      this.ran.push(name);
      try {
        return copy({ ok: true, value: await activity.run(copy(input), this.app, this.client) });
      } catch (error) {
        if (error instanceof Killed) this.killed = error;
        if (this.killed) throw this.killed;
        const { code, message } =
          error instanceof LongshoreError
            ? error
            : ({ code: "INTERNAL", message: (error as Error).message } as const);
        if (!isRetriedAtOnce(code)) return { ok: false, code, message };
        if (attempt === ATTEMPTS) throw new Error(`[${code}] ${message}`);
      }
    }
  }

  private context(
    instanceId: string,
    input: unknown,
    continueAsNew: (input: unknown) => void,
  ): OrchestrationContext {
    const df = {
      instanceId,
      currentUtcDateTime: new Date(),
      getInput: () => copy(input),
      continueAsNew: (again: unknown) => continueAsNew(copy(again)),
      callActivityWithRetry: (name: string, _retry: unknown, of: unknown): Step => ({
        ...{ kind: "activity", name, input: of },
      }),
      callSubOrchestrator: (name: string, of: unknown, id: string): Step => ({
        ...{ kind: "child", name, input: of, id },
      }),
      createTimer: (): Step => ({ kind: "timer", cancel: () => undefined }),
      waitForExternalEvent: (name: string): Step => ({ kind: "event", name }),
      Task: {
        any: (steps: Step[]): Step => ({ kind: "any", steps }),
        all: (steps: Step[]): Step => ({ kind: "all", steps }),
      },
    };
    return { df } as unknown as OrchestrationContext;
  }
}

const copy = <T>(value: T): T =>
  value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
