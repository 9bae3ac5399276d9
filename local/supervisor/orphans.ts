import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** What tells a process from another one that got the same pid later. */
export interface ProcessRecord {
  name: string;
  pid: number;
  /** When the system started it, in whatever unit the system counts. */
  started: string;
  /** A path that its command line contains. */
  script: string;
  /** The signal on which it stops gently. */
  stopSignal: NodeJS.Signals;
}

/** What the system knows of a living process; undefined when there is none, or when this system does not tell. */
export function identify(pid: number): { started: string; commandLine: string } | undefined {
  try {
    return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

function fromProc(pid: number) {
  // The second field is the program's name in brackets and may contain anything: count from the last bracket.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z") return undefined;
  const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  return { started: fields[18] ?? "", commandLine };
}

function fromPs(pid: number) {
  const line = execFileSync("ps", ["-ww", "-p", String(pid), "-o", "lstart=,command="], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  // "Fri Nov 20 05:25:39 2026 node ..."
  return { started: line.slice(0, 24), commandLine: line.slice(24) };
}

/** Same pid and same start time: the same process. One that is ending has no command line any more, but still its ports. */
const isThere = (record: ProcessRecord): boolean =>
  identify(record.pid)?.started === record.started;

const runsScript = (record: ProcessRecord): boolean =>
  identify(record.pid)?.commandLine.includes(record.script) === true;

/**
 * Stops processes that an earlier run left behind, gently first. Only those that provably are the recorded ones: same pid,
 * same start time, same script. Returns the names of those that were still alive.
 */
export async function stopOrphans(
  records: readonly ProcessRecord[],
  graceMs = 15_000,
): Promise<string[]> {
  const alive = records.filter((record) => isThere(record) && runsScript(record));
  for (const record of alive) signal(record, record.stopSignal);
  const deadline = Date.now() + graceMs;
  while (alive.some(isThere) && Date.now() < deadline) await delay(50);
  for (const record of alive) signal(record, "SIGKILL");
  while (alive.some(isThere)) await delay(20);
  return alive.map((record) => record.name);
}

function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isThere(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
