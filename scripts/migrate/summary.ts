import type { Amount } from "../../shared/contracts/amounts.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import { formatBytes, formatCount, formatDuration, formatRate } from "./format.ts";
import type { ItemFailure } from "./reports.ts";

export const EXIT = { done: 0, couldNotRun: 1, someFailed: 2 } as const;

/** What `--json` prints. */
export interface Summary {
  status: RoundView["state"];
  exitCode: number;
  task: { id: string; name: string };
  round: number;
  source: string;
  library: string;
  reports: string;
  seconds: number;
  scanned: Amount & { files: number; folders: number };
  migrated: Amount;
  skipped: Amount;
  failed: Amount;
  /** Of what was migrated, over the whole round. */
  perSecond: Amount;
  /** The first of the items that failed; the reports have all of them. */
  failures: ItemFailure[];
  /** Why the round as a whole failed. */
  failure?: { code: string; message: string };
  /** What keeps no item back and is to be known. */
  warnings: { code: string; message: string; remedy: string }[];
}

export function summarize(
  task: TaskView,
  round: RoundView,
  folders: { source: string; library: string; reports: string },
  failures: ItemFailure[],
): Summary {
  const { number, state, migrated, skipped, failed, scanned, failure, warnings = [] } = round;
  const milliseconds =
    Date.parse(round.endedAt ?? new Date().toISOString()) - Date.parse(round.startedAt);
  const seconds = Math.max(0.001, milliseconds / 1000);
  const { items, bytes, files, folders: folderCount } = scanned;
  return {
    status: state,
    exitCode: exitCode(round),
    task: { id: task.id, name: task.name },
    round: number,
    ...folders,
    seconds,
    scanned: { items, bytes, files, folders: folderCount },
    migrated,
    skipped,
    failed,
    perSecond: { items: migrated.items / seconds, bytes: migrated.bytes / seconds },
    failures,
    ...(failure && { failure }),
    warnings,
  };
}

function exitCode({ state, failed }: RoundView): number {
  if (state === "Failed") return EXIT.couldNotRun;
  return state === "CompletedWithErrors" || failed.items > 0 ? EXIT.someFailed : EXIT.done;
}

/** The summary for people. */
export function summaryLines(summary: Summary): string[] {
  const { scanned, migrated, skipped, failed, seconds, perSecond, round, failures } = summary;
  const row = (name: string, amount: Amount, note = "") =>
    `  ${name.padEnd(9)}${formatCount(amount.items).padStart(10)} items  ${formatBytes(amount.bytes).padStart(8)}${note}`;
  const kinds = `  (${formatCount(scanned.files)} files, ${formatCount(scanned.folders)} folders)`;
  const lines = [
    "",
    headline(summary),
    "",
    row("scanned", scanned, kinds),
    row("migrated", migrated),
    row("skipped", skipped),
    row("failed", failed),
    "",
    `  round R${round} took ${formatDuration(seconds)}: ${formatRate(perSecond.items)} items/s, ${formatBytes(perSecond.bytes)}/s`,
  ];
  const accounted = migrated.items + skipped.items + failed.items;
  if (accounted !== scanned.items) {
    lines.push(
      `  The counts do not add up: ${formatCount(scanned.items)} scanned, ${formatCount(accounted)} accounted for. This is a defect; please report it.`,
    );
  }
  if (failures.length > 0) lines.push("", "  What failed:");
  for (const { path, reason, remedy } of failures)
    lines.push(`    ${printable(path)}`, `      ${printable(reason)}`, `      ${remedy}`);
  const more = failed.items - failures.length;
  if (failures.length > 0 && more > 0)
    lines.push(`    ... and ${formatCount(more)} more, see the reports`);
  for (const { code, message, remedy } of summary.warnings)
    lines.push("", `  Warning: ${printable(message)} (${code})`, `      ${remedy}`);
  lines.push("", `  reports  ${summary.reports}`);
  return lines;
}

function headline({ status, migrated, failed, skipped, failure }: Summary): string {
  if (status === "Failed") {
    return `The migration failed: ${failure ? `${failure.message} (${failure.code})` : "the reports say why"}.`;
  }
  if (failed.items > 0) return `The migration finished; ${formatCount(failed.items)} items failed.`;
  if (migrated.items > 0) return "The migration is complete.";
  return skipped.items > 0
    ? "Nothing to migrate: nothing is new or changed since the last round."
    : "Nothing to migrate: the source is empty.";
}

/** As ls does it: names may hold line breaks, and sequences that terminals obey. */
const printable = (text: string) => text.replace(/\p{Cc}/gu, "?");
