/** `npm start`: every part on this machine, until somebody stops it. */
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { startMachine } from "../local/machine.ts";
import { LIBRARY_TITLE } from "../local/parts.ts";
import { startAgents } from "./agents.ts";
import { describeEvent } from "./events.ts";
import { withKnownLibraries } from "./libraries.ts";
import { runCommand } from "./lifetime.ts";
import { type Api, createApi } from "./migrate/api.ts";
import { readStartArguments, START_USAGE } from "./migrate/arguments.ts";
import { readMigrations } from "./migrate/migrations.ts";

const say = (line: string) => process.stderr.write(`${line}\n`);

await runCommand(start, {
  onProblem: ({ message, remedy }) => say(`\nLongshore could not start. ${message}\n${remedy}`),
});

async function start(signal: AbortSignal): Promise<number> {
  const cwd = process.env.LONGSHORE_CWD ?? process.cwd();
  const { help, data, agents, port, libraries } = readStartArguments(process.argv.slice(2), cwd);
  if (help) {
    say(START_USAGE);
    return 0;
  }
  const folders = (libraries.length > 0 ? libraries : [join(data, "library")]).map((folder) => {
    mkdirSync(folder, { recursive: true });
    return realpathSync(folder);
  });
  const known = readMigrations(join(data, "migrations.json")).map(({ library }) => library);
  const local = withKnownLibraries(folders, known);

  say("Starting storage, Service Bus, Key Vault, SharePoint and the control plane ...");
  const machine = await startMachine({
    data,
    holder: "npm start",
    libraries: local,
    say,
    onEvent: (event) => say(describeEvent(event)),
    signal,
    ...(port !== undefined && { port }),
  });
  try {
    const api = createApi(machine.apiUrl, machine.adminKey, signal);
    await Promise.race([startAgents(machine, api, data, agents), machine.givenUp]);
    machine.onWorkForgotten(() => void runInterruptedTasks(api));
    say(describe(machine.apiUrl, machine.adminKey(), machine.siteUrl(local[0]?.site ?? "")));
    for (const { site, folder } of local) say(`  ${machine.siteUrl(site)} is ${folder}`);
    say("\nCtrl-C stops everything.");
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([signal.aborted ? undefined : stopped.promise, machine.givenUp]);
    return 0;
  } finally {
    say("\nStopping ...");
    await machine.stop();
    say("Everything has stopped; what it knows is kept.");
  }
}

function describe(url: string, key: string, site: string): string {
  return `
Longshore is running.

  API        ${url}/api/v1
  admin key  ${key}

To migrate a folder, make a session, then a task in it:

  KEY=${key}
  curl -sS -H "x-functions-key: $KEY" -H "content-type: application/json" ${url}/api/v1/sessions -d '{"name": "First session"}'
  curl -sS -H "x-functions-key: $KEY" -H "content-type: application/json" ${url}/api/v1/sessions/<session id>/tasks -d '{
    "name": "First task",
    "source": "/path/of/a/folder",
    "destination": { "siteUrl": "${site}", "library": "${LIBRARY_TITLE}" }
  }'
  curl -sS -H "x-functions-key: $KEY" ${url}/api/v1/tasks/<task id>

The libraries (each is the library "${LIBRARY_TITLE}" of its site):
`;
}

/** The task hub is gone: rounds in progress begin again from the tables. */
async function runInterruptedTasks(api: Api): Promise<void> {
  for (const session of await api.listSessions()) {
    const open = { state: "Queued,InProgress" };
    for (const { id, name } of await api.listTasks(session.id, open)) {
      await api.runTask(id).then(
        () => say(`The round of "${name}" that was interrupted goes on.`),
        (error: Error) => say(`The round of "${name}" was interrupted: ${error.message}`),
      );
    }
  }
}
