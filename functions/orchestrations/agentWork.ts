import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import type { Issue } from "../../shared/contracts/inventory.ts";
import { checkWork } from "../activities/checkWork.ts";
import { offerWork, type WorkOffer } from "../activities/offerWork.ts";
import type { Timing } from "../activities/openRound.ts";
import { call, eventOrTime, type Steps } from "./call.ts";

export interface WorkEnd {
  issue?: Issue;
}

const CHECKS_PER_EXECUTION = 25;

/** Hands a work item to the agents and waits until it is done or has failed for good; looks after its lease meanwhile. */
export function* agentWork(context: OrchestrationContext): Steps<WorkEnd> {
  const input = context.df.getInput() as { offer: WorkOffer; timing: Timing };
  const work = yield* call(context, offerWork, {
    ...input.offer,
    instance: context.df.instanceId,
  });
  for (let checks = 0; checks < CHECKS_PER_EXECUTION; checks++) {
    yield* eventOrTime(context, "finished", input.timing.workCheckMs);
    const status = yield* call(context, checkWork, work);
    if (status.over) return status.issue ? { issue: status.issue } : {};
  }
  context.df.continueAsNew(input);
  return {};
}

df.app.orchestration("agentWork", agentWork);
