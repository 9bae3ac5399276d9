import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { LIBRARY_TITLE } from "../../local/parts.ts";
import type { TaskListItem, TaskView } from "../../shared/contracts/tasks.ts";
import type { Api } from "./api.ts";

/** One pair of folders and the task that migrates between them. */
export interface Migration {
  source: string;
  library: string;
  task: string;
}

export const SESSION_NAME = "Local migrations";

export function readMigrations(file: string): Migration[] {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
}

export function rememberMigration(file: string, migration: Migration): void {
  const { source, library } = migration;
  const others = readMigrations(file).filter(
    (other) => other.source !== source || other.library !== library,
  );
  writeFileSync(`${file}.new`, `${JSON.stringify([...others, migration], null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/**
 * Has the task of a pair of folders run: the one that was remembered, else the one that the API knows, else a new one.
 * A round that is in progress goes on, otherwise the next one begins.
 */
export async function runTaskOf(
  api: Api,
  remembered: string | undefined,
  source: string,
  siteUrl: string,
): Promise<TaskView> {
  const sessions = (await api.listSessions()).filter(({ name }) => name === SESSION_NAME);
  const tasks = (await Promise.all(sessions.map(({ id }) => api.listTasks(id)))).flat();
  const fits = (task: TaskListItem) =>
    task.source === source &&
    task.destination.siteUrl === siteUrl &&
    task.destination.library === LIBRARY_TITLE &&
    task.destination.folder === "";
  const found = tasks.find((task) => task.id === remembered && fits(task)) ?? tasks.find(fits);
  if (found) return api.runTask(found.id);
  const session = sessions[0] ?? (await api.createSession(SESSION_NAME));
  return api.createTask(session.id, {
    name: freeName(basename(source) || "root", new Set(tasks.map(({ name }) => name))),
    source,
    destination: { siteUrl, library: LIBRARY_TITLE },
    start: "now",
  });
}

/** Reports lie in a folder with the task's name, so two tasks must not share one. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} (${number})`;
    if (!taken.has(candidate)) return candidate;
  }
}
