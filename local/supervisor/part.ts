import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError } from "./command-error.ts";
import { openLogFile } from "./log-file.ts";

/** One program that the command keeps running beside itself. */
export interface PartDefinition {
  name: string;
  /** Absolute path of the script that Node runs. */
  script: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** A port to wait for; without it the part says `{"ready":true, ...}` in a line on stdout. */
  readyPort?: number;
  /** How long it may take to get ready; 60 seconds if nothing else is said. */
  readySeconds?: number;
  /** The signal on which it stops gently, and how long that may take. */
  stopSignal?: NodeJS.Signals;
  stopSeconds?: number;
  /**
   * The part acknowledges writes before they are safe on disk. When it dies, what other parts remember is newer than what
   * it remembers, and all of them have to begin again from its state.
   */
  losesWrites?: boolean;
  /** Called before every start of the process, with what other parts have to know before. */
  prepare?: () => Promise<void>;
  /** Looked at now and then; what it returns is a warning for people, and stands in the part's log as well. */
  watch?: () => string | undefined;
}

export type ReadyLine = Record<string, unknown>;

export interface Part {
  readonly definition: PartDefinition;
  readonly pid: number | undefined;
  readonly startedAt: number;
  readonly running: boolean;
  /** What the part said when it was ready; rejects with a CommandError when it ends first or takes too long. */
  readonly ready: Promise<ReadyLine>;
  /** Resolves when the process is gone, with how it ended: "code 1", "signal SIGKILL". Never rejects. */
  readonly ended: Promise<string>;
  /**
   * Stops the process, within the time that the definition allows or the one that is given. True if it ended by itself,
   * false if it had to be killed or was gone before.
   */
  stop(seconds?: number): Promise<boolean>;
}

const PARENT_WATCH = new URL(`./parent-watch${extname(import.meta.url)}`, import.meta.url).href;
const TAIL_LINES = 12;
const WATCH_MS = 10_000;

export function startPart(
  definition: PartDefinition,
  logPath: string,
  onWarning: (message: string) => void,
): Part {
  const { script, args, env, stopSignal = "SIGTERM", stopSeconds = 20 } = definition;
  const log = openLogFile(logPath);
  const tail: string[] = [];
  const child = spawn(process.execPath, ["--import", PARENT_WATCH, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own: Ctrl-C reaches the command only, which stops its parts in order.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  child.stdin.on("error", () => undefined); // The pipe breaks when the part ends first, which `ended` tells.

  const { promise: readyLine, resolve: sayReady } = Promise.withResolvers<ReadyLine>();
  const take = (line: string) => {
    log.write(`${line}\n`);
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
  };
  createInterface({ input: child.stderr }).on("line", take);
  createInterface({ input: child.stdout }).on("line", (line) => {
    take(line);
    const message = parseReadyLine(line);
    if (message) sayReady(message);
  });

  const note = (fields: object) =>
    log.write(
      `${JSON.stringify({ time: new Date().toISOString(), part: definition.name, ...fields })}\n`,
    );
  const watch = () => {
    const warning = definition.watch?.();
    if (warning === undefined) return;
    note({ warning });
    onWarning(warning);
  };
  watch();
  const watching = setInterval(watch, WATCH_MS);

  let running = true;
  const ended = waitForEnd(child).then((how) => {
    running = false;
    clearInterval(watching);
    note({ how });
    log.close();
    return how;
  });
  const report = (problem: string) => startProblem(definition, problem, tail, logPath);

  return {
    definition,
    pid: child.pid,
    startedAt: Date.now(),
    get running() {
      return running;
    },
    ready: becomeReady(definition, readyLine, ended, report),
    ended,
    async stop(seconds = stopSeconds) {
      if (!running) return false;
      if (process.platform === "win32") child.stdin.end();
      else child.kill(stopSignal);
      const patience = new AbortController();
      const inTime = await Promise.race([
        ended.then(() => true),
        delay(seconds * 1000, false, { signal: patience.signal }).catch(() => false),
      ]);
      patience.abort();
      if (!inTime) killGroup(child);
      await ended;
      return inTime;
    },
  };
}

async function waitForEnd(child: ChildProcess): Promise<string> {
  try {
    // "close" comes after the last line of output, "exit" may come before.
    const [code, signal] = await once(child, "close");
    return signal ? `signal ${signal}` : `code ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
}

async function becomeReady(
  { readyPort, readySeconds = 60 }: PartDefinition,
  readyLine: Promise<ReadyLine>,
  ended: Promise<string>,
  report: (problem: string) => CommandError,
): Promise<ReadyLine> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    return await Promise.race([
      readyPort === undefined ? readyLine : waitForPort(readyPort, signal),
      ended.then((how) => {
        throw report(`ended (${how}) before it was ready`);
      }),
      delay(readySeconds * 1000, undefined, { signal }).then(() => {
        throw report(`was not ready after ${readySeconds} seconds`);
      }),
    ]);
  } finally {
    settled.abort();
  }
}

async function waitForPort(port: number, signal: AbortSignal): Promise<ReadyLine> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" });
    const answered = await once(socket, "connect", { signal }).then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return { ready: true, port };
    await delay(50, undefined, { signal });
  }
}

function parseReadyLine(line: string): ReadyLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const message = JSON.parse(line);
    return message.ready === true ? message : undefined;
  } catch {
    return undefined;
  }
}

/** What helps, by a sign in the last lines of a part that did not start (the third is JSON.parse in V8 of what Azurite saved). */
const REMEDIES: [sign: RegExp, remedy: string][] = [
  [/EADDRINUSE/, "Another program took its port: run this again, and another port is chosen."],
  [/ENOSPC/, "The disk is full: free some space and run this again."],
  [
    /in JSON at position|end of JSON input/,
    "A file with its state is damaged: put a copy of the data folder back, or begin anew with another --data folder; what has arrived stays.",
  ],
];

function startProblem(
  { name }: PartDefinition,
  problem: string,
  tail: readonly string[],
  logPath: string,
): CommandError {
  const lines =
    tail.length > 0 ? ` Its last lines:\n${tail.map((line) => `    ${line}`).join("\n")}` : "";
  const known = REMEDIES.find(([sign]) => tail.some((line) => sign.test(line)));
  return new CommandError(
    `The part "${name}" ${problem}.${lines}`,
    known?.[1] ?? `Read its whole log, ${logPath}, mend what it names, and run this again.`,
  );
}

/** The part and whatever it may have started itself. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid && process.platform !== "win32") process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
