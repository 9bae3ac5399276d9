import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import type { Timing } from "../activities/openRound.ts";
import { takeSegment } from "../activities/takeSegment.ts";
import { packageInstance, type RunRef } from "../stores/rounds/refs.ts";
import { call, callChild, eventOrTime, type Steps } from "./call.ts";

interface LaneInput {
  round: RunRef;
  timing: Timing;
  lane: number;
  sequence: number;
}

/** History stays bounded however long the task is. */
const STEPS_PER_EXECUTION = 12;

/** One lane: takes the next segment, migrates it as a package, and so on until the scan has no more or the round is to stop. */
export function* packageLane(context: OrchestrationContext): Steps<void> {
  const input = context.df.getInput() as LaneInput;
  const { round, timing, lane } = input;
  let sequence = input.sequence;
  for (let step = 0; step < STEPS_PER_EXECUTION; step++) {
    const instance = context.df.instanceId;
    const taken = yield* call(context, takeSegment, { ...round, lane, sequence, instance });
    if (taken.next === "done") return;
    if (taken.next === "wait") {
      yield* eventOrTime(context, "segments", timing.laneCheckMs);
      continue;
    }
    const segment = taken.next;
    yield* callChild(
      context,
      "migratePackage",
      { pkg: { ...round, segment }, timing },
      packageInstance({ ...round, segment }),
    );
    sequence++;
  }
  context.df.continueAsNew({ round, timing, lane, sequence });
}

df.app.orchestration("packageLane", packageLane);
