import type { OrchestrationContext } from "durable-functions";
import * as df from "durable-functions";
import { errorDefinition } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import type { Timing } from "../activities/openRound.ts";
import { packageSegment } from "../activities/packageSegment.ts";
import { recordPackage } from "../activities/recordPackage.ts";
import { resetPackage } from "../activities/resetPackage.ts";
import { sealPackage } from "../activities/sealPackage.ts";
import type { WorkEnd } from "../domain/agents/workItems.ts";
import { importInstance, type PackageRef } from "../stores/rounds/refs.ts";
import { call, callChild, patiently, type Steps, stepError } from "./call.ts";

/** A package whose attempt failed in a way that a new attempt may mend is made anew this often. */
const ATTEMPTS = 2;

/**
 * One package from plan to record: which items, under which ids, with which key and containers; the agent uploads their
 * contents; manifests say what was really uploaded; SharePoint imports; every item gets its outcome. A package that
 * fails as a whole is an outcome of its items, not an end of the task. When the round pauses or is cancelled on the way, the
 * package is set aside.
 */
export function* migratePackage(context: OrchestrationContext): Steps<void> {
  const { pkg, timing } = context.df.getInput() as { pkg: PackageRef; timing: Timing };
  let issue: Issue | undefined;
  for (let failures = 0; failures < ATTEMPTS; ) {
    const end = yield* attempt(context, pkg, timing);
    if (end.interrupted) {
      yield* call(context, resetPackage, pkg);
      return;
    }
    issue = end.issue;
    if (!issue || !errorDefinition(issue.code).retryable) break;
    // Waiting for days, for an agent perhaps, is no failure.
    if (issue.code !== "CONTAINER_EXPIRED") failures++;
    if (failures === ATTEMPTS) break;
    yield* call(context, resetPackage, { ...pkg, issue });
  }
  yield* patiently(context, recordPackage, { ...pkg, ...(issue && { issue }) });
}

/** Takes the package as far as SharePoint; why it did not get there, if it did not. */
function* attempt(context: OrchestrationContext, pkg: PackageRef, timing: Timing): Steps<WorkEnd> {
  try {
    const plan = yield* call(context, packageSegment, pkg);
    const child = (name: string, input: object, id: string) =>
      callChild<WorkEnd>(context, name, { timing, ...input }, id);
    if (plan.files > 0 && !plan.uploaded) {
      const offer = { ...pkg, kind: "upload", attempt: plan.attempt };
      const id = `${context.df.instanceId}.a${plan.attempt}.work`;
      const end = yield* child("agentWork", { offer }, id);
      if (end.issue || end.interrupted) return end;
    }
    if (plan.files + plan.folders === 0) return {};
    const { objects } = yield* call(context, sealPackage, pkg);
    if (objects === 0) return {};
    return yield* child("importPackage", { pkg }, importInstance(pkg, plan.attempt));
  } catch (error) {
    return { issue: stepError(error).issue };
  }
}

df.app.orchestration("migratePackage", migratePackage);
