import { CommandError } from "../local/supervisor/command-error.ts";

/** Exit code of a command that was interrupted, as shells report it for SIGINT. */
export const INTERRUPTED = 130;
export const COULD_NOT_RUN = 1;

/** Ctrl-C reaches this process through the terminal, through npm and through the bootstrap: all that is one wish. */
const ONE_WISH_MS = 1000;

export interface Endings {
  /** Shows a reason for which the command could not run. */
  onProblem(problem: CommandError): void;
  onInterrupted?(): void;
}

/**
 * Runs a command to its end and exits with its code. The signal it gets is aborted when somebody wants it to stop: SIGINT,
 * SIGTERM, SIGHUP, or the process that started it is gone. It then has all the time it needs; a second Ctrl-C ends it on
 * the spot.
 */
export async function runCommand(
  main: (signal: AbortSignal) => Promise<number>,
  { onProblem, onInterrupted = () => undefined }: Endings,
): Promise<never> {
  const stop = new AbortController();
  let firstWish = 0;
  const wish = () => {
    if (firstWish > 0 && Date.now() - firstWish > ONE_WISH_MS) process.exit(INTERRUPTED);
    firstWish ||= Date.now();
    stop.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, wish);
  process.once("disconnect", wish); // The bootstrap holds an IPC channel for nothing but this.
  try {
    process.exit(await main(stop.signal));
  } catch (error) {
    if (stop.signal.aborted) {
      onInterrupted();
      process.exit(INTERRUPTED);
    }
    onProblem(explain(error));
    process.exit(COULD_NOT_RUN);
  }
}

/** Turns whatever was thrown into something that says what to do. */
function explain(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC") {
    return new CommandError(`The disk is full: ${message}`, "Free some space and run this again.");
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new CommandError(
      `Not allowed: ${message}`,
      "Mend the permissions, or use another folder.",
    );
  }
  return new CommandError(
    `Something unexpected happened: ${stack ?? String(error)}`,
    "This is a defect; please report it with the text above.",
  );
}
