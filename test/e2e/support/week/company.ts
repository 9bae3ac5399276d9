import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "@jest/globals";
import { type RunningCommand, startCommand } from "../command.ts";
import type { Row } from "../reports.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "../workspace.ts";
import { type Books, type Expectation, openBooks, type Totals, totalsOf } from "./books.ts";
import { type JoinedAgent, joinCrew } from "./crew.ts";
import { hire, type Person, type Staff } from "./people.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { checkRound } from "./rounds.ts";

// biome-ignore lint/suspicious/noExplicitAny: JSON of another program
export type Json = any;

/** What is known of a task's newest round by who checked it. */
export interface Checked {
  number: number;
  totals: Totals;
  rows: readonly Row[];
}

/** A company with shares to migrate, and `npm start` to do it with: the API, its people, their agents and their books. */
export interface Company extends Staff {
  workspace: Workspace;
  /** Base of the control plane, and address of the site with the library. */
  controlPlane: string;
  site: string;
  receiver: Receiver;
  /** Folder of a department's share, and of its destination in the library. */
  share(department: string): string;
  books(department: string): Books;
  /** Starts an agent on a machine of its own. */
  join(name: string, token: string): Promise<JoinedAgent>;
  /** Waits for a view of a task that is as wanted. */
  until(task: string, wanted: (view: Json) => boolean, seconds?: number): Promise<Json>;
  inState(task: string, ...states: string[]): Promise<Json>;
  /** Holds a round of a department's task, and the library, against the books, and enters the round in them. */
  check(department: string, task: string, number: number, expected: Expectation): Promise<Checked>;
  /** What was checked last of each department. */
  checked: ReadonlyMap<string, Checked>;
  close(): Promise<void>;
}

/** Starts everything. */
export async function openCompany(): Promise<Company> {
  const workspace = makeWorkspace();
  const { staff, environment } = hire(workspace.data);
  const flags = ["--data", workspace.data, "--library", workspace.library];
  const start = startCommand("start", flags, {
    // Few turns, so that tasks wait for each other; a script asks more often than people do.
    environment: { ...environment, TASKS_AT_ONCE: "2", API_REQUESTS_PER_MINUTE: "60000" },
  });
  const receiver = await startReceiver();
  const controlPlane = await addressOf(start);
  staff.moveIn(`${controlPlane}/api/v1`);
  const [, site = ""] = /(http:\S+\/sites\/\S+) is /.exec(start.said()) ?? [];
  const { reader } = staff;
  const share = (department: string) => join(workspace.source, department);
  const library = (department: string) => join(workspace.library, department);
  const allBooks = new Map<string, Books>();
  const checked = new Map<string, Checked>();

  const books = (department: string): Books => {
    const opened = allBooks.get(department) ?? openBooks(share(department), library(department));
    allBooks.set(department, opened);
    return opened;
  };
  const until: Company["until"] = (task, wanted, seconds = 150) =>
    poll(reader, `tasks/${task}`, wanted, seconds);
  return {
    ...staff,
    ...{ workspace, controlPlane, site, receiver, share, books, until, checked },
    join: (name, token) => joinCrew(workspace, { url: controlPlane, token, name }),
    inState: (task, ...states) => until(task, ({ state }) => states.includes(state)),
    async check(department, task, number, expected) {
      const destination = `${site}/Shared Documents/${department}`;
      const round = { task, number, source: share(department), destination };
      const rows = await checkRound(reader, round, expected);
      books(department).enter(expected);
      expect(books(department).problems()).toEqual({});
      const result = { number, totals: totalsOf(expected), rows };
      checked.set(department, result);
      return result;
    },
    async close() {
      receiver.stop();
      await removeWorkspace(workspace);
    },
  };
}

async function addressOf(start: RunningCommand): Promise<string> {
  await start.says(/Ctrl-C stops everything/);
  const [, url = ""] = /API +(http:\S+)\/api\/v1/.exec(start.said()) ?? [];
  return url;
}

/** Asks until the answer is as wanted. */
export async function poll(
  person: Person,
  path: string,
  wanted: (json: Json) => boolean,
  seconds = 60,
): Promise<Json> {
  for (const end = Date.now() + seconds * 1000; ; await delay(100)) {
    const { status, json, text } = await person.get(path);
    if (status === 200 && wanted(json)) return json;
    if (Date.now() > end) throw new Error(`${path} was not as wanted in time: ${status} ${text}`);
  }
}
