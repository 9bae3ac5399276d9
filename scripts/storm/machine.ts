/**
 * `node scripts/storm/machine.ts [minutes]`, after `npm run build`: migrates a growing tree again and again while parts, the command
 * or all of them at once are killed with SIGKILL at random moments, then compares what there is with what there ought to be, by
 * code that shares nothing with the product. Ends with 1, and keeps its folder, when something was lost, came twice, or a command
 * gave up.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RunningCommand, startCommand } from "../../test/e2e/support/command.ts";
import { makePlainTree } from "../../test/e2e/support/plain-tree.ts";
import {
  gone,
  killAll,
  processesNaming,
  type RunningProcess,
} from "../../test/e2e/support/processes.ts";
import { readRecord } from "../../test/e2e/support/record.ts";
import { pathOf, readReports } from "../../test/e2e/support/reports.ts";
import { differences, walk } from "../../test/e2e/support/tree.ts";
import { pseudoRandom } from "../../test/e2e/support/ugly-tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrationFlags,
  removeWorkspace,
  type Workspace,
  withJson,
} from "../../test/e2e/support/workspace.ts";

const FIRST_FILES = 2_500;
const CHANGES_PER_ROUND = 400;
/** Beyond it a command hangs: the slowest calm round takes a tenth of that. */
const CALM_ROUND_MS = 180_000;
/** One kill in so many takes everything at once. */
const ALL_AT_ONCE = 8;
const CALM_MS = { least: 500, most: 7_000 };

const minutes = Number(process.argv[2] ?? 3);
if (!(minutes > 0)) throw new Error(`"${process.argv[2]}" is no number of minutes.`);

const began = Date.now();
const stormEnds = began + minutes * 60_000;
const say = (text: string) =>
  process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
const below = (limit: number) => Math.floor(Math.random() * limit);

const workspace = makeWorkspace();
const kills = new Map<string, number>();
const problems: string[] = [];
let rounds = 0;

say(`${minutes} minutes of storm in ${workspace.root}`);
makePlainTree(workspace.source, FIRST_FILES);
do {
  if (rounds > 0) changeSome(workspace, rounds);
  const run = await finishRound(workspace);
  rounds++;
  const found = await verify(workspace, run);
  problems.push(...found);
  say(found.length === 0 ? `round ${rounds} is whole` : `round ${rounds}: ${found.join("; ")}`);
} while (Date.now() < stormEnds);

const killed = [...kills].sort().map(([name, count]) => `${name} ${count}`);
say(`${rounds} rounds; killed: ${killed.join(", ")}; ${problems.length} problems`);
if (problems.length === 0) await removeWorkspace(workspace);
else {
  killAll(processesNaming(workspace.root));
  for (const problem of problems) say(`PROBLEM ${problem}`);
  process.exitCode = 1;
}

/** Runs the command, again whenever it was killed, until one run ends by itself with success. */
async function finishRound(workspace: Workspace): Promise<Migrated> {
  for (;;) {
    const command = startCommand("migrate", migrationFlags(workspace));
    const over = new AbortController();
    const ended = command.ended.finally(() => over.abort());
    await storm(workspace, command, over.signal);
    const calm = new AbortController();
    const late = delay(CALM_ROUND_MS, "late" as const, { signal: calm.signal });
    const end = await Promise.race([ended, late.catch(() => "late" as const)]);
    calm.abort();
    if (end === "late") {
      problems.push(`a command hangs: ${command.said().slice(-2_000)}`);
      killAll(processesNaming(workspace.root));
      continue;
    }
    if (end.code === 0) return withJson(end);
    // Starts that are hit six times in a row are given up, which leaves the work to the next run.
    const givenUp = /in a row and is given up|\(signal SIGKILL\) before it was ready/;
    if (end.signal === "SIGKILL" || givenUp.test(end.stderr)) continue;
    problems.push(`a command ended with ${end.code ?? end.signal}: ${end.stderr.slice(-2_000)}`);
  }
}

/** Kills one part, the command, or all, now and then, until the command has ended or the storm is over. */
async function storm(workspace: Workspace, command: RunningCommand, over: AbortSignal) {
  const { least, most } = CALM_MS;
  while (Date.now() < stormEnds) {
    await delay(least + below(most - least), undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const all = processesNaming(workspace.root);
    const victims = below(ALL_AT_ONCE) === 0 ? all : all.slice(below(all.length)).slice(0, 1);
    if (victims.length === 0) continue;
    const name = victims.length > 1 ? "everything" : nameOf(victims[0] as RunningProcess, command);
    killAll(victims);
    kills.set(name, (kills.get(name) ?? 0) + 1);
    say(`kill -9 ${name}`);
  }
}

function nameOf({ pid, commandLine }: RunningProcess, command: RunningCommand): string {
  if (pid === command.child.pid) return "the command";
  const [, azurite, ours] =
    /azurite\/dist\/src\/(\w+)|dist\/(?:local\/)?([\w-]+)\/main\.js/.exec(commandLine) ?? [];
  return azurite ? `azurite-${azurite}` : (ours ?? commandLine);
}

/** Writes over some files and adds some: what an incremental round has to bring. */
function changeSome({ source }: Workspace, round: number): void {
  for (let count = 0; count < CHANGES_PER_ROUND; count++) {
    const number = below(FIRST_FILES + round * CHANGES_PER_ROUND);
    const content = pseudoRandom(below(9_000), round * 1_000_000 + count);
    writeFileSync(join(source, `folder ${number % 40}`, `file ${number}.bin`), content);
  }
}

/** What is wrong with the summary, the library, the destination's record of it, the reports, and what runs on. */
async function verify({ root, source, library, data }: Workspace, { json }: Migrated) {
  const expected = walk(source);
  const wrong: string[] = [];
  const { status, scanned, migrated, skipped, failed } = json;
  const told = migrated.items + skipped.items;
  if (status !== "Completed" || scanned.items !== expected.size || told !== expected.size)
    wrong.push(`${status}: ${JSON.stringify({ scanned, migrated, skipped, failed })}`);

  for (const [path, what] of Object.entries(differences(expected.values(), walk(library))))
    wrong.push(`${path}: ${what}`);

  const record = [...readRecord(data).values()];
  const present = record.filter(({ state }) => state === "present").length;
  if (record.length !== expected.size || present !== expected.size)
    wrong.push(`${record.length} items are on record, ${present} of them present`);

  const rows = readReports(json.reports, json.round).rows("ItemReport");
  const reported = new Set(rows.map((row) => pathOf(row, source)));
  if (rows.length !== expected.size || reported.size !== expected.size)
    wrong.push(`${rows.length} rows tell of ${reported.size} items, not of ${expected.size}`);

  for (const { commandLine } of await gone(root, 0)) wrong.push(`still runs: ${commandLine}`);

  const imports = record.reduce((sum, { imports }) => sum + imports, 0);
  say(
    `R${json.round}: ${migrated.items} migrated, ${skipped.items} skipped; ${imports} imports in all`,
  );
  return wrong.length > 5 ? [...wrong.slice(0, 5), `and ${wrong.length - 5} more`] : wrong;
}
