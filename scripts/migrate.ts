/** `npm run migrate`: one round of one migration, with everything it takes started before and stopped after it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningMachine, startMachine } from "../local/machine.ts";
import { CommandError } from "../local/supervisor/command-error.ts";
import type { RoundView } from "../shared/contracts/rounds.ts";
import { startAgents } from "./agents.ts";
import { describeEvent } from "./events.ts";
import { libraryOf, withKnownLibraries } from "./libraries.ts";
import { COULD_NOT_RUN, INTERRUPTED, runCommand } from "./lifetime.ts";
import { type Api, createApi } from "./migrate/api.ts";
import { MIGRATE_USAGE, type MigrateArguments, readMigrateArguments } from "./migrate/arguments.ts";
import { createDiskGuard } from "./migrate/disk-guard.ts";
import { type FollowedRound, followRound, type TaskRound } from "./migrate/followed-round.ts";
import { readMigrations, rememberMigration, runTaskOf } from "./migrate/migrations.ts";
import { type Folders, preflight } from "./migrate/preflight.ts";
import { createProgress } from "./migrate/progress.ts";
import { progressBlock, progressLine } from "./migrate/progress-lines.ts";
import { downloadReports, firstFailures } from "./migrate/reports.ts";
import { makeSampleShare } from "./migrate/sample-share.ts";
import { EXIT, type Summary, summarize, summaryLines } from "./migrate/summary.ts";
import { createTerminal, type Terminal } from "./migrate/terminal.ts";

const POLL_MS = 250;
const PLAIN_LINE_MS = 5_000;
const DISK_CHECK_MS = 2_000;
/** How long a round may be unknown: starting every part again after storage died takes much less. */
const FORGOTTEN_MS = 120_000;
const SHOWN_FAILURES = 5;

const argv = process.argv.slice(2);
const printJson = (result: object) => {
  if (argv.includes("--json")) process.stdout.write(`${JSON.stringify(result)}\n`);
};

await runCommand(main, {
  onProblem({ message, remedy }: CommandError) {
    process.stderr.write(`\nThe migration could not run. ${message}\n${remedy}\n`);
    printJson({ status: "NotRun", exitCode: COULD_NOT_RUN, reason: message, remedy });
  },
  onInterrupted() {
    process.stderr.write(
      "\nInterrupted. What was done is kept: run the same command again and it goes on from there.\n",
    );
    printJson({ status: "Interrupted", exitCode: INTERRUPTED });
  },
});

async function main(signal: AbortSignal): Promise<number> {
  const cwd = process.env.LONGSHORE_CWD ?? process.cwd();
  const options = readMigrateArguments(argv, cwd);
  if (options.help) {
    process.stderr.write(`${MIGRATE_USAGE}\n`);
    return EXIT.done;
  }
  const terminal = createTerminal(process.stderr, options);
  const say = (line: string) => {
    if (!options.quiet) terminal.say(line);
  };
  const folders = chooseFolders(options, say);
  say(`Migrating ${folders.source}\n     into ${folders.library}`);

  const memory = join(folders.data, "migrations.json");
  const known = readMigrations(memory);
  say("Starting storage, Service Bus, Key Vault, SharePoint, the control plane and agents ...");
  const machine = await startMachine({
    data: folders.data,
    holder: "npm run migrate",
    libraries: withKnownLibraries(
      [folders.library],
      known.map(({ library }) => library),
    ),
    say,
    onEvent: (event) => terminal.say(describeEvent(event)),
    signal,
  });
  const over = new AbortController();
  let summary: Summary;
  try {
    const api = createApi(machine.apiUrl, machine.adminKey, AbortSignal.any([signal, over.signal]));
    const work = startAgents(machine, api, folders.data, options.agents).then(() =>
      migrate(machine, api, folders, terminal, say),
    );
    summary = await Promise.race([work, machine.givenUp]);
  } finally {
    over.abort();
    terminal.keep();
    say("Stopping what was started ...");
    await machine.stop();
  }
  if (!options.quiet || summary.exitCode !== EXIT.done) {
    for (const line of summaryLines(summary)) terminal.say(line);
  }
  printJson(summary);
  return summary.exitCode;
}

function chooseFolders(options: MigrateArguments, say: (line: string) => void): Folders {
  const { data, folders } = options;
  if (folders) return preflight({ ...folders, data });
  const sample = { source: join(data, "sample-share"), library: join(data, "sample-library") };
  say("No folders were named: migrating a small sample share.");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  makeSampleShare(sample.source);
  return preflight({ ...sample, data, sample: true });
}

/** Runs the task of the two folders through the API and follows its round to the end. */
async function migrate(
  machine: RunningMachine,
  api: Api,
  { source, library, data }: Folders,
  terminal: Terminal,
  say: (line: string) => void,
): Promise<Summary> {
  const memory = join(data, "migrations.json");
  const siteUrl = machine.siteUrl(libraryOf(library).site);
  const followed = await followRound(api, async () => {
    const remembered = readMigrations(memory).find(
      (migration) => migration.source === source && migration.library === library,
    );
    const task = await runTaskOf(api, remembered?.task, source, siteUrl);
    rememberMigration(memory, { source, library, task: task.id });
    return task;
  });
  say(describeRound(followed.begun.round));
  machine.onWorkForgotten(() => followed.resume());
  const guard = createDiskGuard({ library, data });
  const { task, round } = await toTheEnd(followed, guard, terminal, say);
  const reports = await downloadReports(api, task, round.number, data);
  const failures = await firstFailures(reports, task, round.number, SHOWN_FAILURES);
  return summarize(task, round, { source, library, reports }, failures);
}

function describeRound(round: RoundView | undefined): string {
  if (!round || round.number === 0) return "Round R0 brings everything.";
  return `Round R${round.number} brings what is new or changed.`;
}

async function toTheEnd(
  followed: FollowedRound,
  guard: ReturnType<typeof createDiskGuard>,
  terminal: Terminal,
  say: (line: string) => void,
): Promise<TaskRound> {
  const measure = createProgress();
  const began = Date.now();
  let nextLine = began + PLAIN_LINE_MS;
  let nextCheck = began;
  let lastKnown = began;
  for (;;) {
    const found = await followed.look();
    const now = Date.now();
    if (now >= nextCheck) {
      nextCheck = now + DISK_CHECK_MS;
      const warning = guard(found?.round);
      if (warning) terminal.say(warning);
    }
    if (found) {
      lastKnown = now;
      const { round } = found;
      const stages = measure(round, now);
      if (terminal.live) {
        terminal.show(progressBlock(stages, round, (now - began) / 1000, terminal.width));
      } else if (now >= nextLine) {
        nextLine = now + PLAIN_LINE_MS;
        say(progressLine(stages, round));
      }
      if (round.state !== "InProgress") return found;
    } else if (now > lastKnown + FORGOTTEN_MS) {
      throw new CommandError(
        "Storage has forgotten the round, and it was not begun anew.",
        "Run the same command again; what has arrived stays.",
      );
    }
    await delay(POLL_MS);
  }
}
