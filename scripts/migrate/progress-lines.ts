import type { RoundView } from "../../shared/contracts/rounds.ts";
import { formatBytes, formatCount, formatDuration, formatRate } from "./format.ts";
import type { StageProgress } from "./progress.ts";

/**
 * The block that a terminal shows: a line per stage, as wide as there is room for. Narrow terminals lose the bar first,
 * then the rates.
 */
export function progressBlock(
  stages: readonly StageProgress[],
  round: RoundView,
  seconds: number,
  width: number,
): string[] {
  const lines = stages.map((progress) => {
    const { stage, done, rate, share, finished } = progress;
    const name = stage.padEnd(8);
    const amount = `${formatCount(done.items).padStart(9)} items ${formatBytes(done.bytes).padStart(8)}`;
    const rates = finished
      ? "".padEnd(23)
      : `${formatRate(rate.items).padStart(8)}/s ${formatBytes(rate.bytes).padStart(8)}/s `;
    const left = finished ? "done" : timeLeft(progress);
    const full = `  ${name}${bar(share, 24)} ${amount} ${rates} ${left}`;
    if (full.length <= width) return full;
    const noBar = `  ${name}${amount} ${rates} ${left}`;
    return noBar.length <= width ? noBar : `  ${name}${amount} ${left}`.slice(0, width);
  });
  const failed = round.failed.items > 0 ? `, ${formatCount(round.failed.items)} failed` : "";
  lines.push(`  ${formatDuration(Math.floor(seconds))}${failed}`.slice(0, width));
  if (round.waitingFor) lines.push(`  Waiting: ${round.waitingFor}.`.slice(0, width));
  return lines;
}

/** The same for a file or a pipe: everything in one line. */
export function progressLine(stages: readonly StageProgress[], round: RoundView): string {
  const parts = stages.map((progress) => {
    const { stage, done, rate, finished } = progress;
    const amount = `${formatCount(done.items)} items ${formatBytes(done.bytes)}`;
    const pace = finished
      ? "done"
      : `${formatRate(rate.items)}/s ${formatBytes(rate.bytes)}/s ${timeLeft(progress)}`.trimEnd();
    return `${stage} ${amount}, ${pace}`;
  });
  const waiting = round.waitingFor ? ` | waiting: ${round.waitingFor}` : "";
  return `${parts.join(" | ")}${waiting}`;
}

const timeLeft = ({ secondsLeft }: StageProgress) =>
  secondsLeft === undefined ? "" : `${formatDuration(Math.ceil(secondsLeft))} left`;

function bar(share: number | undefined, length: number): string {
  const full = Math.floor((share ?? 0) * length);
  return `${"█".repeat(full)}${"░".repeat(length - full)}`;
}
