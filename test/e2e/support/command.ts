import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** Compiled commands, as the npm scripts run them. */
export const SCRIPTS = {
  migrate: join(repository, "dist/scripts/migrate.js"),
  start: join(repository, "dist/scripts/start.js"),
} as const;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far. */
  said(): string;
  /** The first match in what it says; rejects when it ends without saying it. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Who runs a command: flags in front of node, and what spawn takes. */
export interface User {
  prefix: readonly string[];
  options: { uid?: number; gid?: number };
}
export const SELF: User = { prefix: [], options: {} };

/** Runs a compiled command as a process of its own. It stops by itself when this process is gone (the IPC channel). */
export function startCommand(
  name: keyof typeof SCRIPTS,
  args: readonly string[],
  {
    user = SELF,
    home,
    environment,
  }: { user?: User; home?: string; environment?: Readonly<Record<string, string>> } = {},
): RunningCommand {
  const words = [...user.prefix, process.execPath, SCRIPTS[name], ...args];
  const child = spawn(words[0] as string, words.slice(1), {
    ...user.options,
    cwd: repository,
    env: { ...commandEnvironment(), ...(home && { HOME: home }), ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code, signal]): Ended => {
    return { code, signal, stdout, stderr };
  });
  ended.catch(() => undefined); // Whoever waits for the end hears of it.
  return {
    child,
    ended,
    said: () => stderr,
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(stderr);
        if (match) return match;
        const more = once(child.stderr as NodeJS.ReadableStream, "data");
        const over = await Promise.race([more.then(() => false), ended.then(() => true)]);
        if (over && !pattern.test(stderr))
          throw new Error(`It ended without saying ${pattern}:\n${stderr}`);
      }
    },
  };
}

/** Throws, with everything the command said, unless it ended with this exit code. */
export function requireCode({ code, signal, stdout, stderr }: Ended, wanted: number): void {
  if (code === wanted) return;
  throw new Error(`It ended with ${code ?? signal}, not ${wanted}, and said:\n${stderr}${stdout}`);
}

/** Without what jest adds for itself. */
function commandEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_ENV: __, JEST_WORKER_ID: ___, ...environment } = process.env;
  return environment;
}
