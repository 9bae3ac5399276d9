import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError } from "./command-error.ts";
import { type Part, type PartDefinition, startPart } from "./part.ts";
import type { RunRecord } from "./run-record.ts";

export type SupervisorEvent =
  | { kind: "died"; part: string; how: string; log: string }
  | { kind: "restarted"; part: string }
  | { kind: "warning"; part: string; message: string }
  /** A part that loses writes had died: all parts were stopped, the state was put in step, and all were started again. */
  | { kind: "all-restarted"; part: string };

export interface SupervisorOptions {
  logs: string;
  record: RunRecord;
  onEvent?: (event: SupervisorEvent) => void;
  /** Called while everything is stopped, after a part that loses writes had died. */
  beforeAllRestart?: () => void;
  /** Deaths in a row after less than `steadyMs` before it is given up; and the first pause, which doubles every time. */
  quickDeaths?: number;
  steadyMs?: number;
  pauseMs?: number;
}

export interface Supervisor {
  /** Starts parts beside each other and waits until all are ready. Rejects with the CommandError of the first that fails. */
  start(parts: readonly PartDefinition[]): Promise<void>;
  /** Rejects with a CommandError when a part keeps dying and is given up; never resolves. */
  readonly givenUp: Promise<never>;
  /**
   * Stops everything, last started first, and waits until every process is gone. True when no part lost writes: only then
   * may the next run trust all stores to be in step.
   */
  stop(): Promise<boolean>;
}

interface Slot {
  readonly definition: PartDefinition;
  part?: Part;
  quickDeaths: number;
}

const LONGEST_PAUSE_MS = 10_000;
/** When all parts have to begin again, they need not finish what they are at. */
const HURRY_SECONDS = 2;

/** Keeps parts running: starts them in order, starts again what dies, stops them in reverse order. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { logs, record, onEvent = () => undefined, beforeAllRestart = () => undefined } = options;
  const { quickDeaths = 5, steadyMs = 10_000, pauseMs = 250 } = options;
  const batches: Slot[][] = [];
  const stopping = new AbortController();
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
  givenUp.catch(() => undefined); // Whoever waits for it hears of it; nobody has to.
  let restartingAll: Promise<void> | undefined;
  let restartsOfAll = 0;
  let stopped: Promise<boolean> | undefined;

  const logOf = (name: string) => join(logs, `${name}.log`);

  async function launch(slot: Slot): Promise<void> {
    const { name, prepare } = slot.definition;
    const before = restartsOfAll;
    try {
      await prepare?.();
    } catch (error) {
      if (before === restartsOfAll) throw error;
    }
    stopping.signal.throwIfAborted();
    // A restart of all parts that began meanwhile starts this one, too.
    if (before !== restartsOfAll) return restartingAll;
    const part = startPart(slot.definition, logOf(name), (message) =>
      onEvent({ kind: "warning", part: name, message }),
    );
    slot.part = part;
    record.add(part);
    void part.ended.then(() => record.remove(part));
    await part.ready;
    void part.ended.then((how) => onEnd(slot, part, how));
  }

  /** A part that ends by itself before it is ready would do so again; one that somebody kills would not. */
  async function launchAgainIfKilled(slot: Slot): Promise<void> {
    const before = restartsOfAll;
    try {
      await launch(slot);
    } catch (error) {
      const how = slot.part?.running === false ? await slot.part.ended : "";
      const left = stopping.signal.aborted || before !== restartsOfAll;
      if (left || !how.startsWith("signal")) throw error;
      const { name } = slot.definition;
      onEvent({ kind: "died", part: name, how, log: logOf(name) });
      await restart(slot);
    }
  }

  function onEnd(slot: Slot, part: Part, how: string): void {
    if (stopping.signal.aborted || restartingAll !== undefined) return;
    const { name, losesWrites } = slot.definition;
    onEvent({ kind: "died", part: name, how, log: logOf(name) });
    if (Date.now() - part.startedAt >= steadyMs) slot.quickDeaths = 0;
    const again = losesWrites ? restartAll(slot) : restart(slot);
    again.catch((error: unknown) => {
      if (!stopping.signal.aborted) giveUp(error);
    });
  }

  async function restart(slot: Slot): Promise<void> {
    const before = restartsOfAll;
    for (;;) {
      await pauseAfterDeath(slot);
      if (before !== restartsOfAll) return restartingAll;
      try {
        await launch(slot);
        return onEvent({ kind: "restarted", part: slot.definition.name });
      } catch (error) {
        if (before !== restartsOfAll) return restartingAll;
        if (stopping.signal.aborted || slot.quickDeaths >= quickDeaths) throw error;
      }
    }
  }

  async function restartAll(slot: Slot): Promise<void> {
    restartsOfAll++;
    restartingAll = startFromScratch(slot).finally(() => {
      restartingAll = undefined;
    });
    await restartingAll;
    onEvent({ kind: "all-restarted", part: slot.definition.name });
  }

  async function startFromScratch(slot: Slot): Promise<void> {
    for (;;) {
      await pauseAfterDeath(slot);
      await stopParts(HURRY_SECONDS);
      beforeAllRestart();
      try {
        for (const batch of batches) await Promise.all(batch.map(launch));
        // A part that died again while the later ones were starting is noticed here, not by onEnd.
        if (batches.flat().every((each) => each.part?.running)) return;
      } catch (error) {
        if (stopping.signal.aborted || slot.quickDeaths >= quickDeaths) throw error;
      }
    }
  }

  async function pauseAfterDeath(slot: Slot): Promise<void> {
    const { name } = slot.definition;
    if (++slot.quickDeaths > quickDeaths) {
      throw new CommandError(
        `The part "${name}" died ${slot.quickDeaths} times in a row and is given up.`,
        `Read its log, ${logOf(name)}, mend what it names, and run this again: the work goes on where it was.`,
      );
    }
    const pause = Math.min(pauseMs * 2 ** (slot.quickDeaths - 1), LONGEST_PAUSE_MS);
    await delay(pause, undefined, { signal: stopping.signal });
  }

  /**
   * Stops the batches, the last first; returns whether every part that loses writes ended by itself. Those have all the
   * time they need to save; the others lose nothing when they are killed after `patience` seconds.
   */
  async function stopParts(patience?: number): Promise<boolean> {
    let clean = true;
    for (const batch of batches.toReversed()) {
      const results = await Promise.all(
        batch.map(({ part, definition: { losesWrites } }) =>
          part ? part.stop(losesWrites ? undefined : patience) : true,
        ),
      );
      clean &&= batch.every((slot, index) => !slot.definition.losesWrites || results[index]);
    }
    return clean;
  }

  return {
    givenUp,
    async start(parts) {
      await restartingAll;
      const batch = parts.map((definition): Slot => ({ definition, quickDeaths: 0 }));
      batches.push(batch);
      const before = restartsOfAll;
      try {
        await Promise.all(batch.map(launchAgainIfKilled));
      } catch (error) {
        // Stopped by a restart of all parts, which starts these again, too.
        if (before === restartsOfAll) throw error;
        await restartingAll;
      }
    },
    async stop() {
      stopping.abort();
      await restartingAll?.catch(() => undefined); // It was told to end; what it was doing no longer matters.
      stopped ??= stopParts();
      return stopped;
    },
  };
}
