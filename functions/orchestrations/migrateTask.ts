import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { cancelRest } from "../activities/cancelRest.ts";
import { closeRound } from "../activities/closeRound.ts";
import { dispatchNext } from "../activities/dispatchNext.ts";
import { failRound } from "../activities/failRound.ts";
import { openRound } from "../activities/openRound.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { call, type Steps, stepError } from "./call.ts";

/**
 * One round of a task: the scan runs beside the lanes, each lane takes one package after the other through package, upload,
 * seal, import and record, and at the end the round is closed with its reports. A round that pauses or is cancelled ends
 * its lanes early; what is left then waits for the next run, or is cancelled.
 */
export function* migrateTask(context: OrchestrationContext): Steps<void> {
  const round = context.df.getInput<RunRef>() as RunRef;
  try {
    const { lanes, scanned, timing } = yield* call(context, openRound, round);
    const instance = context.df.instanceId;
    const child = (name: string, input: object, id: string) =>
      context.df.callSubOrchestrator(name, { round, timing, ...input }, `${instance}.${id}`);
    const children = Array.from({ length: lanes }, (_, lane) =>
      child("packageLane", { lane, sequence: 0 }, `lane${lane}`),
    );
    if (!scanned) children.push(child("scanSource", {}, "scan"));
    // Even when one fails, the extension lets nothing follow before all have ended. There are none when nothing is to be done.
    if (children.length > 0) yield context.df.Task.all(children);
    for (let closed = false; !closed; ) {
      const { left, cancelled } = yield* call(context, cancelRest, round);
      if (!left) ({ closed } = yield* call(context, closeRound, { ...round, cancelled }));
    }
  } catch (error) {
    yield* call(context, failRound, { ...round, issue: stepError(error).issue });
  }
  yield* call(context, dispatchNext, round);
}

df.app.orchestration("migrateTask", migrateTask);
