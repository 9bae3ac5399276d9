import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { closeRound } from "../activities/closeRound.ts";
import { failRound } from "../activities/failRound.ts";
import { openRound } from "../activities/openRound.ts";
import type { RunRef } from "../stores/rounds.ts";
import { call, type Steps, stepError } from "./call.ts";

/**
 * One round of a task: the scan runs beside the lanes, each lane takes one package after the other through package, upload,
 * seal, import and record, and at the end the round is closed with its reports.
 */
export function* migrateTask(context: OrchestrationContext): Steps<void> {
  const round = context.df.getInput<RunRef>() as RunRef;
  try {
    const { lanes, timing } = yield* call(context, openRound, round);
    const instance = context.df.instanceId;
    const children = [
      context.df.callSubOrchestrator("scanSource", { round, timing }, `${instance}.scan`),
    ];
    for (let lane = 0; lane < lanes; lane++)
      children.push(
        context.df.callSubOrchestrator(
          "packageLane",
          { round, timing, lane, sequence: 0 },
          `${instance}.lane${lane}`,
        ),
      );
    yield context.df.Task.all(children);
    yield* call(context, closeRound, round);
  } catch (error) {
    const { code, message } = stepError(error);
    yield* call(context, failRound, { ...round, issue: { code, message } });
  }
}

df.app.orchestration("migrateTask", migrateTask);
