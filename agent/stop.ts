/** A service manager kills what does not stop: leases are given back within this time or run out by themselves. */
const STOP_WITHIN_MS = 8_000;

/** The end of an agent, whether it is asked to stop or stops by itself. */
export class Stop {
  /** Resolves when the agent stops. */
  readonly stopped: Promise<void>;
  readonly #stop = new AbortController();
  readonly #tooLate = new AbortController();

  /** `asked` is aborted by whoever runs the agent. */
  constructor(asked: AbortSignal) {
    this.stopped = new Promise((resolve) => {
      this.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    void this.stopped.then(() => {
      setTimeout(() => this.#tooLate.abort(), STOP_WITHIN_MS).unref();
    });
    if (asked.aborted) this.now();
    else asked.addEventListener("abort", () => this.now(), { once: true });
  }

  /** Aborted when the agent stops. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborted when a stopping agent has waited long enough for answers. */
  get tooLate(): AbortSignal {
    return this.#tooLate.signal;
  }

  now(): void {
    this.#stop.abort();
  }
}
