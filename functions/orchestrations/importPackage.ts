import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { followImport, type NewsRead } from "../activities/followImport.ts";
import type { Timing } from "../activities/openRound.ts";
import { submitImport } from "../activities/submitImport.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { call, eventOrTime, patiently, type Steps } from "./call.ts";

interface ImportInput {
  pkg: PackageRef;
  timing: Timing;
  /** How long to wait before the next look; grows while nothing happens. */
  pollMs?: number;
  read?: NewsRead;
}

const POLLS_PER_EXECUTION = 30;

/**
 * Submits the sealed package, as soon as its site takes another job, and follows the job at SharePoint until it has ended, ever
 * less often.
 */
export function* importPackage(context: OrchestrationContext): Steps<WorkEnd> {
  const input = context.df.getInput() as ImportInput;
  const { pkg, timing, pollMs } = input;
  let wait = pollMs ?? timing.importPollFirstMs;
  let submitted = pollMs !== undefined;
  let { read } = input;
  for (let polls = 0; polls < POLLS_PER_EXECUTION; polls++) {
    if (!submitted) {
      const { busy, ...end } = yield* call(context, submitImport, pkg);
      if (end.issue || end.interrupted) return end;
      submitted = !busy;
    }
    yield* eventOrTime(context, "wish", wait);
    if (!submitted) continue;
    const { ended, read: now, ...end } = yield* patiently(context, followImport, { ...pkg, read });
    if (ended || end.interrupted) return end;
    read = now;
    wait = Math.min(wait * 1.5, timing.importPollMaxMs);
  }
  context.df.continueAsNew({ pkg, timing, ...(submitted && { pollMs: wait, read }) });
  return {};
}

df.app.orchestration("importPackage", importPackage);
