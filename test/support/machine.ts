import { setTimeout as sleep } from "node:timers/promises";
import type { DurableClient } from "durable-functions";
import { WorkStopped } from "../../agent/lease.ts";
import { createPerformer } from "../../agent/work/perform.ts";
import {
  claimWork,
  completeWork,
  failWork,
  heartbeat,
  releaseWork,
} from "../../functions/operations/agents/agentWork.ts";
import { cancelTask } from "../../functions/operations/rounds/cancelTask.ts";
import { pauseTask } from "../../functions/operations/rounds/pauseTask.ts";
import {
  resumeRound,
  reviveRound,
  startRound,
} from "../../functions/operations/rounds/startRound.ts";
import type { Services } from "../../functions/services.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SegmentSummary } from "../../shared/contracts/inventory.ts";
import type { CompleteRequest, WorkMessage, WorkSpec } from "../../shared/contracts/work.ts";
import { type Fault, type FaultyServices, withFaults } from "./faults.ts";
import { Killed, Orchestrations } from "./orchestrations.ts";
import { agent } from "./records.ts";

/** A control plane that can be killed, and an agent beside it, over real storage, a real vault and a real SharePoint. */
export interface Machine {
  /** Begins a process of the control plane, some of its services replaced; the one before it must be dead or done. */
  boot(faults?: readonly Fault[], replaced?: Partial<Services>): Process;
  /** Lets the agent finish what it has in hand. */
  stop(): Promise<void>;
}

export interface Process {
  /** What people ask for, without waiting for what becomes of it. */
  request: Record<"pause" | "resume" | "cancel", (taskId: string) => Promise<unknown>>;
  app: FaultyServices;
  orchestrations: Orchestrations;
  /** Starts, or revives, the task's round and drives it to its end. False when the process died on the way. */
  start(taskId: string): Promise<boolean>;
  revive(taskId: string): Promise<boolean>;
  pause(taskId: string): Promise<boolean>;
  resume(taskId: string): Promise<boolean>;
  cancel(taskId: string): Promise<boolean>;
}

const AGENT = agent("agent00001", { name: "agent" });

export interface MachineOptions {
  /** Called when the agent has claimed an item, before it works on it. */
  beforeWork?(spec: WorkSpec): Promise<void> | void;
}

export function startMachine(services: Services, options: MachineOptions = {}): Machine {
  const messages: WorkMessage[] = [];
  const queue = {
    send: async (_group: string, message: WorkMessage) => {
      messages.push(message);
    },
  } as unknown as Services["queues"];
  const perform = createPerformer([]);
  const stopping = new AbortController();
  let current: { app: Services; client: DurableClient } | undefined;

  /** Asks whichever process is there until one answers. */
  async function ask<T>(request: (app: Services, client: DurableClient) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        if (current) return await request(current.app, current.client);
      } catch (error) {
        if (error instanceof LongshoreError) throw error;
      }
      if (stopping.signal.aborted) throw new Error("the agent stops");
      await sleep(5);
    }
  }

  async function work({ workItem, epoch }: WorkMessage): Promise<void> {
    const claim = await ask((app, client) => claimWork(app, client, AGENT, workItem, epoch));
    if (claim.status === "gone") return;
    const written: SegmentSummary[] = [];
    const beat = async (segments: SegmentSummary[], items: number) => {
      const report = { workItem, epoch, items, bytes: items, segments };
      const { work } = await ask((app, client) =>
        heartbeat(app, client, AGENT, { slots: 2, work: [report] }),
      );
      return work[0]?.verdict;
    };
    const progress = {
      items: 0,
      bytes: 0,
      yielding: false,
      segmentWritten: (summary: SegmentSummary) => void written.push(summary),
    };
    try {
      await options.beforeWork?.(claim.spec);
      const verdict = await beat([], 0);
      if (verdict === "stop") return;
      progress.yielding = verdict === "yield";
      const result = await perform(claim.spec, progress, stopping.signal);
      // Half of what a scan found comes with a heartbeat, the rest with the result.
      const early = written.splice(0, Math.floor(written.length / 2));
      await beat(early, 1);
      const whole: CompleteRequest["result"] =
        result.kind === "scan" ? { ...result, segments: written } : result;
      await ask((app, client) =>
        completeWork(app, client, AGENT, workItem, { epoch, result: whole }),
      );
    } catch (error) {
      if (error instanceof WorkStopped && error.reason === "yielded")
        return ask((app, client) => releaseWork(app, client, AGENT, workItem, epoch));
      if (!(error instanceof LongshoreError)) throw error;
      if (["STALE_LEASE", "CONFLICT", "NOT_FOUND"].includes(error.code)) return;
      const issue = { code: error.code, message: error.message };
      await ask((app, client) => failWork(app, client, AGENT, workItem, { epoch, issue }));
    }
  }
  const agent = (async () => {
    const seen = new Set<string>();
    while (!stopping.signal.aborted) {
      const message = messages.shift();
      const key = message && `${message.workItem}:${message.epoch}`;
      // The queue's duplicate detection.
      if (!message || !key || seen.has(key)) await sleep(2);
      else {
        seen.add(key);
        await work(message).catch((error: unknown) => {
          if (!stopping.signal.aborted) throw error;
        });
      }
    }
  })();

  return {
    boot(faults = [], replaced = {}) {
      const app = withFaults({ ...services, queues: queue, ...replaced }, faults);
      const orchestrations = new Orchestrations(app);
      const running = new Map<string, Promise<unknown>>();
      const client = {
        raiseEvent: async (instance: string, event: string) =>
          orchestrations.raise(instance, event),
        startNew: async (
          name: string,
          { instanceId, input }: { instanceId: string; input: unknown },
        ) => {
          const ended = orchestrations.run(name, input, instanceId);
          ended.catch(() => undefined);
          running.set(instanceId, ended);
        },
        getStatus: async (instanceId: string) => {
          if (!running.has(instanceId)) throw new Error("HTTP 404");
          return { runtimeStatus: "Running" };
        },
      } as unknown as DurableClient;
      orchestrations.client = client;
      current = { app, client };
      const request = {
        pause: (taskId: string) => pauseTask(app, client, taskId, "person", "asked to"),
        resume: (taskId: string) => resumeRound(app, client, taskId),
        cancel: (taskId: string) => cancelTask(app, client, taskId),
      };
      const drive = async (begin: Promise<unknown>): Promise<boolean> => {
        try {
          await begin;
          // One that is resumed on the way has another orchestration.
          for (let ended = -1; ended !== running.size; ) {
            ended = running.size;
            await Promise.all(running.values());
          }
          return true;
        } catch (error) {
          if (error instanceof Killed) return false;
          throw error;
        }
      };
      return {
        app,
        orchestrations,
        start: (taskId) => drive(startRound(app, client, taskId)),
        revive: (taskId) => drive(reviveRound(app, client, taskId)),
        pause: (taskId) => drive(request.pause(taskId)),
        resume: (taskId) => drive(request.resume(taskId)),
        cancel: (taskId) => drive(request.cancel(taskId)),
        request,
      };
    },
    async stop() {
      stopping.abort();
      await agent;
    },
  };
}
