/** Kill -9 at random moments under load, then a count by a ledger that the host does not keep. */
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { startTestHost, type TestHost, WEBHOOKS } from "./test-host.ts";

const STEPS = 4;
/** What every orchestration of the storm has to go through. */
const EXPECTED = [
  ...Array.from({ length: STEPS }, (_, i) => `step${i}`),
  ...Array.from({ length: STEPS }, (_, i) => `fan${i}`),
  "child",
  "end",
];
const WORKERS = 8;

export interface StormOptions {
  /** Whether there shall be another kill after that many. */
  goesOn: (kills: number) => boolean;
  /** Longest life of a host process after it has become ready. */
  longestLifeMs: number;
  /** Called after every kill. */
  onKill?: (report: Pick<StormReport, "kills" | "orchestrations">) => void;
}

export interface StormReport {
  kills: number;
  orchestrations: number;
  /** Runs of activities, and how many of them came on top because a kill hit one half-way. */
  activityRuns: number;
  repeatedRuns: number;
  /** What is wrong; empty if every orchestration has finished exactly once with the right result. */
  problems: string[];
}

/** Starts orchestrations from several sides while the host is killed again and again; resolves with the count. */
export async function storm(options: StormOptions): Promise<StormReport> {
  let host = await startTestHost();
  const started: string[] = [];
  let kills = 0;

  const killer = async () => {
    while (options.goesOn(kills)) {
      await sleep(Math.random() * options.longestLifeMs);
      await host.kill("SIGKILL");
      host = await host.restart();
      kills++;
      options.onKill?.({ kills, orchestrations: started.length });
    }
  };
  const worker = async (_: unknown, index: number) => {
    for (let count = 0; options.goesOn(kills); count++) {
      const id = `storm-${index}-${count}`;
      await begin(() => host, id);
      started.push(id);
      await sleep(Math.random() * 200);
    }
  };
  try {
    await Promise.all([killer(), ...Array.from({ length: WORKERS }, worker)]);
    const problems = await verify(host, started);
    const runs = host.journal("ledger ");
    const repeatedRuns = runs.length - new Set(runs).size;
    const counts = { kills, orchestrations: started.length, activityRuns: runs.length };
    return { ...counts, repeatedRuns, problems };
  } finally {
    await host.dispose();
  }
}

/** Starts one and tells it to go; what a kill leaves unanswered is asked again. */
async function begin(host: () => TestHost, id: string): Promise<void> {
  await persistently(async () => {
    const { status, text } = await host().post(`${WEBHOOKS}/orchestrators/storm/${id}`, {
      steps: STEPS,
    });
    return status === 202 || text.includes("already exists");
  });
  await persistently(async () => {
    const { status } = await host().post(`${WEBHOOKS}/instances/${id}/raiseEvent/go`, true);
    return status === 202 || status === 410;
  });
}

async function persistently(attempt: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const done = await attempt().catch(() => false); // killed: there will be another host
    if (done) return;
    await sleep(20);
  }
}

async function verify(host: TestHost, started: string[]): Promise<string[]> {
  const problems: string[] = [];
  const check = (name: string, actual: unknown, expected: unknown) => {
    const [is, shall] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== shall) problems.push(`${name}: ${is} instead of ${shall}`);
  };

  const places: number[] = [];
  for (const id of started) {
    const { runtimeStatus, output } = await host.until(id);
    check(`${id} ended`, runtimeStatus, "Completed");
    check(`${id} did`, output?.done, EXPECTED);
    places.push(output?.place);
  }
  // The entity counted every orchestration once: each has another place, from the first to the last.
  check(
    "places",
    places.toSorted((a, b) => a - b),
    started.map((_, index) => index + 1),
  );

  const entered = new Set(host.journal("ledger "));
  const missing = started.flatMap((id) => EXPECTED.map((step) => `ledger ${id} ${step}`));
  check(
    "steps without a run",
    missing.filter((line) => !entered.has(line)),
    [],
  );
  check("distinct steps in the ledger", entered.size, missing.length);

  await host.kill();
  const database = new DatabaseSync(path.join(host.dataDirectory, "host.db"));
  const count = (table: string) =>
    database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count;
  check("integrity", Object.values(database.prepare("PRAGMA integrity_check").get() ?? {}), ["ok"]);
  check("instances, with one child each", count("instances"), 2 * started.length);
  check("messages left over", count("inbox"), 0);
  check("activities left over", count("activities"), 0);
  database.close();
  return problems;
}

/** Kills the host inside one large fan-out; resolves with the number of results, which has to be `n`. */
export async function stormInFanOut(n: number, kills: number): Promise<number> {
  let host = await startTestHost();
  try {
    const { id } = await host.start("fanOut", { n, ms: 20 });
    for (let killed = 0; killed < kills; killed++) {
      await sleep(Math.random() * 500);
      await host.kill("SIGKILL");
      host = await host.restart();
    }
    return (await host.until(id)).output;
  } finally {
    await host.dispose();
  }
}
