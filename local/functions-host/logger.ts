/** Structured logs: one JSON line per event on stderr, filtered by `logging.logLevel` of host.json. */

const LEVELS = ["trace", "debug", "information", "warning", "error", "critical", "none"] as const;

export type LogLevel = (typeof LEVELS)[number];

/**
 * Writes one entry. Categories are `Host.*` for the host, `Function.<name>` for the runtime and `Function.<name>.User` for app
 * code; `name` is that of the function concerned.
 */
export type Log = (level: LogLevel, category: string, message: string, name?: string) => void;

/**
 * Makes the log function. `levels` is host.json's `logging.logLevel`: the entry with the longest name
 * that is a prefix of the category decides, then `default`, then Information.
 */
export function createLog(levels: Readonly<Record<string, string>>): Log {
  const ranks = new Map([["default", rankOf("Information")]]);
  for (const [prefix, level] of Object.entries(levels)) {
    ranks.set(prefix.toLowerCase(), rankOf(level));
  }
  const thresholdOf = (category: string): number => {
    const end = category.lastIndexOf(".");
    const parent = end < 0 ? "default" : category.slice(0, end);
    return ranks.get(category) ?? thresholdOf(parent);
  };
  return (level, category, message, name) => {
    if (LEVELS.indexOf(level) < thresholdOf(category.toLowerCase())) return;
    const time = new Date().toISOString();
    process.stderr.write(`${JSON.stringify({ time, level, category, function: name, message })}\n`);
  };
}

function rankOf(level: string): number {
  const rank = LEVELS.indexOf(level.toLowerCase() as LogLevel);
  if (rank < 0) {
    throw new Error(`host.json: logging.logLevel has "${level}"; use one of ${LEVELS.join(", ")}`);
  }
  return rank;
}

/** Logs that a function threw, in the words of the Functions host. */
export function logFailure(log: Log, name: string, error: unknown): void {
  const message = `Executed 'Functions.${name}' (Failed): ${describeError(error)}`;
  log("error", `Function.${name}`, message, name);
}

/** What an unknown thrown value looks like in a log line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
