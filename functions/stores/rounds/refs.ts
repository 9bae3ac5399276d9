/** How rounds, packages and work items are named: in keys of rows, in ids that agents see, in inputs of orchestrations. */

/** Which orchestration asks: it may touch the round only while the round's row names its run. */
export interface RunRef {
  taskId: string;
  round: number;
  run: string;
}
export interface PackageRef extends RunRef {
  segment: number;
}

export const roundKey = (taskId: string, round: number): string => `${taskId}.R${round}`;

/** The orchestrations of a run have ids that everybody can tell from what they are for. */
export const roundInstance = ({ taskId, round, run }: RunRef): string =>
  `${roundKey(taskId, round)}.${run}`;
export const packageInstance = (ref: PackageRef): string => `${roundInstance(ref)}.p${ref.segment}`;
export const importInstance = (ref: PackageRef, attempt: number): string =>
  `${packageInstance(ref)}.a${attempt}.import`;

export const pad = (segment: number): string => segment.toString().padStart(6, "0");

/** A work item's id names its round, so that agents can be answered without looking anything up. */
export type WorkId = ScanId | UploadId;
export interface ScanId extends RunRef {
  text: string;
  kind: "scan";
}
export interface UploadId extends PackageRef {
  text: string;
  kind: "upload";
  attempt: number;
}

export function workId(
  { taskId, round, run }: RunRef,
  what: { kind: "scan" } | { kind: "upload"; segment: number; attempt: number },
): WorkId {
  const stem = roundInstance({ taskId, round, run });
  if (what.kind === "scan") return { taskId, round, run, kind: "scan", text: `${stem}.scan` };
  const { segment, attempt } = what;
  const text = `${stem}.upload.${pad(segment)}.${attempt}`;
  return { taskId, round, run, segment, attempt, kind: "upload", text };
}

const WORK_ID = /^([a-z0-9]+-[a-z0-9]+)\.R(\d+)\.([a-z0-9]+)\.(?:scan|upload\.(\d+)\.(\d+))$/;

/** Parses what an agent sends; undefined when it is no work item's id. */
export function parseWorkId(text: string): WorkId | undefined {
  const [, taskId, round, run, segment, attempt] = WORK_ID.exec(text) ?? [];
  if (taskId === undefined || run === undefined) return undefined;
  const ref = { taskId, round: Number(round), run };
  const id =
    segment === undefined
      ? workId(ref, { kind: "scan" })
      : workId(ref, { kind: "upload", segment: Number(segment), attempt: Number(attempt) });
  return id.text === text ? id : undefined;
}
