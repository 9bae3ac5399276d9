import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { checkWork } from "../activities/checkWork.ts";
import { offerWork, type WorkOffer } from "../activities/offerWork.ts";
import type { Timing } from "../activities/openRound.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import { call, eventOrTime, type Steps } from "./call.ts";

const CHECKS_PER_EXECUTION = 25;

/** Hands a work item to the agents and waits until it is done or has failed for good; looks after its lease meanwhile. */
export function* agentWork(context: OrchestrationContext): Steps<WorkEnd> {
  const input = context.df.getInput() as { offer: WorkOffer; timing: Timing };
  const work = yield* call(context, offerWork, {
    ...input.offer,
    instance: context.df.instanceId,
  });
  if (work.interrupted) return { interrupted: true };
  for (let checks = 0; checks < CHECKS_PER_EXECUTION; checks++) {
    yield* eventOrTime(context, "finished", input.timing.workCheckMs);
    const { over, issue, interrupted } = yield* call(context, checkWork, work);
    if (over) return { ...(issue && { issue }), ...(interrupted && { interrupted }) };
  }
  context.df.continueAsNew(input);
  return {};
}

df.app.orchestration("agentWork", agentWork);
