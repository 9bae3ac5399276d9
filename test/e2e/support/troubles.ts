import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { Workspace } from "./workspace.ts";

/** What went wrong at SharePoint, by its own record. */
export interface Troubles {
  jobs: number;
  postponed: number;
  /** Jobs that came too late for their containers, and that were given up half done. */
  expired: number;
  givenUp: number;
  /** Files that failed for no reason of their own. */
  unlucky: number;
  recycled: number;
  refused: number;
  /** Jobs whose end nobody was told. */
  silent: number;
}

/** Waits until enough has gone wrong. */
export async function troublesOf(
  workspace: Workspace,
  isEnough: (troubles: Troubles) => boolean,
): Promise<Troubles> {
  for (;;) {
    const troubles = count(workspace);
    if (troubles && isEnough(troubles)) return troubles;
    await delay(50);
  }
}

function count({ data }: Workspace): Troubles | undefined {
  const file = join(data, "sharepoint", "sharepoint.sqlite");
  if (!existsSync(file)) return undefined;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const jobs = database.prepare("SELECT id, state FROM jobs").all();
    const events = database
      .prepare("SELECT DISTINCT job_id AS job, body FROM events")
      .all()
      .map(({ job, body }) => ({ job, ...JSON.parse(String(body)) }));
    const having = (event: string, text = "") =>
      events.filter((each) => each.Event === event && (each.Message ?? "").includes(text)).length;
    const told = new Set(
      events
        .filter(({ Event }) => ["JobEnd", "JobFatalError", "JobDeleted"].includes(Event))
        .map(({ job }) => job),
    );
    return {
      jobs: jobs.length,
      postponed: having("JobPostponed"),
      expired: having("JobFatalError", "have expired"),
      givenUp: having("JobFatalError") - having("JobFatalError", "have expired"),
      unlucky: having("JobError", "Simulated item error"),
      recycled: having("JobError", "in the recycle bin"),
      refused: having("JobError", "already exists"),
      silent: jobs.filter(({ id, state }) => state === "ended" && !told.has(id)).length,
    };
  } finally {
    database.close();
  }
}
