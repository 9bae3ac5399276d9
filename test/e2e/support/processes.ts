import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface RunningProcess {
  pid: number;
  commandLine: string;
}

/** Every living process whose command line contains `text`, but for this one. */
export function processesNaming(text: string): RunningProcess[] {
  const all = process.platform === "linux" ? fromProc() : fromPs();
  return all.filter(({ pid, commandLine }) => pid !== process.pid && commandLine.includes(text));
}

function fromProc(): RunningProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // Empty for zombies, which nobody needs to stop.
      const commandLine = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return [{ pid: Number(name), commandLine }];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

function fromPs(): RunningProcess[] {
  const lines = execFileSync("ps", ["-axww", "-o", "pid=,command="], { encoding: "utf8" });
  return lines.split("\n").flatMap((line) => {
    const [, pid, commandLine = ""] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
    return pid ? [{ pid: Number(pid), commandLine }] : [];
  });
}

/** kill -9 for all of them, with nothing in between. */
export function killAll(processes: readonly RunningProcess[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Waits until no process names `text` any more; returns those that still do after `patienceMs`. */
export async function gone(text: string, patienceMs: number): Promise<RunningProcess[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const left = processesNaming(text);
    if (left.length === 0 || Date.now() > deadline) return left;
    await delay(50);
  }
}
