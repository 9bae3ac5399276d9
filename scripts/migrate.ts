/** `npm run migrate`: one round of one migration, with everything it takes started before and stopped after it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningMachine, startMachine } from "../local/machine.ts";
import type { CommandError } from "../local/supervisor/command-error.ts";
import type { RoundView, TaskView } from "../shared/contracts/tasks.ts";
import { startAgents } from "./agents.ts";
import { describeEvent } from "./events.ts";
import { libraryOf, withKnownLibraries } from "./libraries.ts";
import { COULD_NOT_RUN, INTERRUPTED, runCommand } from "./lifetime.ts";
import { type Api, createApi } from "./migrate/api.ts";
import { MIGRATE_USAGE, type MigrateArguments, readMigrateArguments } from "./migrate/arguments.ts";
import { createDiskGuard } from "./migrate/disk-guard.ts";
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
    await startAgents(machine, api, folders.data, options.agents);
    const work = migrate(machine, api, folders, terminal, say);
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
  const remembered = readMigrations(memory).find(
    (migration) => migration.source === source && migration.library === library,
  );
  const siteUrl = machine.siteUrl(libraryOf(library).site);
  const { id, round } = await runTaskOf(api, remembered?.task, source, siteUrl);
  rememberMigration(memory, { source, library, task: id });
  say(describeRound(round));

  machine.onWorkForgotten(() => {
    // Polling goes on meanwhile, and says what is wrong if this does not work either.
    api
      .runTask(id)
      .catch((error: Error) => say(`The round could not be resumed: ${error.message}`));
  });
  const guard = createDiskGuard({ library, data });
  const ended = await follow(api, id, guard, terminal, say);
  const { number } = ended.round;
  const reports = await downloadReports(api, ended.task, number, data);
  const failures = await firstFailures(reports, ended.task, number, SHOWN_FAILURES);
  return summarize(ended.task, ended.round, { source, library, reports }, failures);
}

function describeRound(round: RoundView | undefined): string {
  if (!round || round.number === 0) return "Round R0 brings everything.";
  return `Round R${round.number} brings what is new or changed.`;
}

async function follow(
  api: Api,
  id: string,
  guard: ReturnType<typeof createDiskGuard>,
  terminal: Terminal,
  say: (line: string) => void,
): Promise<{ task: TaskView; round: RoundView }> {
  const measure = createProgress();
  const began = Date.now();
  let nextLine = began + PLAIN_LINE_MS;
  let nextCheck = began;
  for (;;) {
    const task = await api.getTask(id);
    const { round } = task;
    const now = Date.now();
    if (now >= nextCheck) {
      nextCheck = now + DISK_CHECK_MS;
      const warning = guard(round);
      if (warning) terminal.say(warning);
    }
    if (round) {
      const stages = measure(round, now);
      if (terminal.live) {
        terminal.show(progressBlock(stages, round, (now - began) / 1000, terminal.width));
      } else if (now >= nextLine) {
        nextLine = now + PLAIN_LINE_MS;
        say(progressLine(stages, round));
      }
      if (round.state !== "InProgress") return { task, round };
    }
    await delay(POLL_MS);
  }
}
