/** Something an orchestration waits for, in the simulation of the Durable extension. */
export class Step {
  done = false;
  failed = false;
  /** The JSON that a completed activity left, for the few who look at it. */
  result: string | null = null;
  #listeners: ((step: Step) => void)[] = [];

  static completed(): Step {
    const step = new Step();
    step.done = true;
    return step;
  }

  complete(failed = false): void {
    if (this.done) return;
    this.done = true;
    this.failed = failed;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(this);
  }

  /** Calls back on completion, at once if that has been. Synchronous: order is part of the replay. */
  onDone(listener: (step: Step) => void): void {
    if (this.done) listener(this);
    else this.#listeners.push(listener);
  }
}

/** Completes when *all* are complete, even if one failed early: so does the extension. */
export function all(steps: Step[]): Step {
  const result = new Step();
  let open = steps.length;
  let failed = false;
  for (const step of steps) {
    step.onDone((done) => {
      failed ||= done.failed;
      if (--open === 0) result.complete(failed);
    });
  }
  return result;
}

/** Completes with the first. */
export function any(steps: Step[]): Step {
  const result = new Step();
  for (const step of steps) step.onDone(() => result.complete());
  return result;
}
