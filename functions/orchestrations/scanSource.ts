import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { finishScan } from "../activities/finishScan.ts";
import type { Timing } from "../activities/openRound.ts";
import type { RunRef } from "../stores/rounds.ts";
import type { WorkEnd } from "./agentWork.ts";
import { call, callChild, type Steps } from "./call.ts";

/** The walk over the source: one work item, whose segments appear in the tables while it runs. */
export function* scanSource(context: OrchestrationContext): Steps<void> {
  const { round, timing } = context.df.getInput() as { round: RunRef; timing: Timing };
  const end = yield* callChild<WorkEnd>(
    context,
    "agentWork",
    { offer: { ...round, kind: "scan" }, timing },
    `${context.df.instanceId}.work`,
  );
  yield* call(context, finishScan, { ...round, ...(end.issue && { issue: end.issue }) });
}

df.app.orchestration("scanSource", scanSource);
