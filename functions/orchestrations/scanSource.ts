import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { errorDefinition } from "../../shared/contracts/errors.ts";
import { finishScan } from "../activities/finishScan.ts";
import type { Timing } from "../activities/openRound.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import type { RunRef } from "../stores/rounds/refs.ts";
import { call, callChild, type Steps, sleep, stepError } from "./call.ts";

const AGAIN_MS = 60_000;

/**
 * The walk over the source: one work item, whose segments appear in the tables while it runs. Lanes go on until the scan has
 * ended, and the round until the lanes have, so however the walk goes, its end is noted; a walk that a pause or a cancel interrupts
 * has not ended.
 */
export function* scanSource(context: OrchestrationContext): Steps<void> {
  const { round, timing } = context.df.getInput() as { round: RunRef; timing: Timing };
  const { interrupted, ...end } = yield* walk(context, round, timing);
  if (interrupted) return;
  for (;;) {
    try {
      yield* call(context, finishScan, { ...round, ...end });
      return;
    } catch (error) {
      if (!errorDefinition(stepError(error).issue.code).retryable) throw error;
      yield* sleep(context, AGAIN_MS);
    }
  }
}

function* walk(context: OrchestrationContext, round: RunRef, timing: Timing): Steps<WorkEnd> {
  const id = `${context.df.instanceId}.work`;
  try {
    const offer = { ...round, kind: "scan" };
    return yield* callChild<WorkEnd>(context, "agentWork", { offer, timing }, id);
  } catch (error) {
    return { issue: stepError(error).issue };
  }
}

df.app.orchestration("scanSource", scanSource);
