import { type Logger, pino } from "pino";

export type Log = Logger;

/**
 * JSON lines on stderr; stdout belongs to the commands. Secrets are scrubbed from the finished line, not field by field,
 * because SDK error messages carry whole URLs and connection strings.
 */
export function createLog(level: string = process.env.LONGSHORE_LOG_LEVEL ?? "info"): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => process.stderr.write(scrub(line)) },
  );
}

const SECRETS: readonly [RegExp, string][] = [
  [/\b(sig=)[^&;"\\\s]+/gi, "$1***"],
  [/\b(SharedAccessKey=)[^;"\\\s]+/gi, "$1***"],
  [/("(?:contentKey|token|queueConnection)":")[^"]*/g, "$1***"],
];

/** The text without SAS signatures, account keys, content keys and enrolment tokens. */
export function scrub(text: string): string {
  return SECRETS.reduce((line, [pattern, replacement]) => line.replace(pattern, replacement), text);
}

/** Tells of something unreachable once when it goes and once when it is back, however often it is tried between. */
export class Outage {
  readonly #log: Log;
  readonly #what: string;
  #since: number | undefined;

  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  down(error: unknown): void {
    if (this.#since !== undefined) return;
    this.#since = Date.now();
    this.#log.warn({ error: messageOf(error) }, `${this.#what} cannot be reached; trying again`);
  }

  up(): void {
    if (this.#since === undefined) return;
    this.#log.info({ downMs: Date.now() - this.#since }, `${this.#what} answers again`);
    this.#since = undefined;
  }
}

/** A network error hides its reason in `cause` (fetch) or in `errors` (a name with several addresses). */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);
  return inner === undefined ? error.message : `${error.message}: ${messageOf(inner)}`;
}
