import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { errorDefinition } from "../../shared/contracts/errors.ts";
import type { Timing } from "../activities/openRound.ts";
import { packageSegment } from "../activities/packageSegment.ts";
import { recordPackage } from "../activities/recordPackage.ts";
import { resetPackage } from "../activities/resetPackage.ts";
import { sealPackage } from "../activities/sealPackage.ts";
import type { PackageRef } from "../stores/rounds.ts";
import type { WorkEnd } from "./agentWork.ts";
import { call, callChild, StepError, type Steps, stepError } from "./call.ts";

/** A package whose attempt failed in a way that a new attempt may mend is made anew this often. */
const ATTEMPTS = 2;

/**
 * One package from plan to record: which items, under which ids, with which key and containers; the agent uploads their
 * contents; manifests say what was really uploaded; SharePoint imports; every item gets its outcome. A package that
 * fails as a whole is an outcome of its items, not an end of the task.
 */
export function* migratePackage(context: OrchestrationContext): Steps<void> {
  const { pkg, timing } = context.df.getInput() as { pkg: PackageRef; timing: Timing };
  for (let attempt = 1; ; attempt++) {
    try {
      const plan = yield* call(context, packageSegment, pkg);
      if (plan.files > 0 && !plan.uploaded) yield* upload(context, pkg, plan.attempt, timing);
      if (plan.files + plan.folders > 0) {
        const sealed = yield* call(context, sealPackage, pkg);
        if (sealed.objects > 0) yield* importSealed(context, pkg, plan.attempt, timing);
      }
      yield* call(context, recordPackage, pkg);
      return;
    } catch (error) {
      const { code, message } = stepError(error);
      if (attempt === ATTEMPTS || !errorDefinition(code).retryable) {
        yield* call(context, recordPackage, { ...pkg, issue: { code, message } });
        return;
      }
      yield* call(context, resetPackage, pkg);
    }
  }
}

function* upload(
  context: OrchestrationContext,
  pkg: PackageRef,
  attempt: number,
  timing: Timing,
): Steps<void> {
  const end = yield* callChild<WorkEnd>(
    context,
    "agentWork",
    { offer: { ...pkg, kind: "upload", attempt }, timing },
    `${context.df.instanceId}.a${attempt}.work`,
  );
  if (end.issue) throw new StepError(end.issue.code, end.issue.message);
}

function* importSealed(
  context: OrchestrationContext,
  pkg: PackageRef,
  attempt: number,
  timing: Timing,
): Steps<void> {
  yield* callChild(
    context,
    "importPackage",
    { pkg, timing },
    `${context.df.instanceId}.a${attempt}.import`,
  );
}

df.app.orchestration("migratePackage", migratePackage);
