// `node scripts/bench/tasks.ts`: a session of 50,000 tasks in Azurite: creation in portions of 10,000, then what the API does
// with it, with the storage transactions of every call. Figures of one run; nothing here passes or fails.
// Usage: node scripts/bench/tasks.ts [--tasks <n>] [--portion <n>]
import { parseArgs } from "node:util";
import { newId } from "../../functions/domain/ids.ts";
import type { TaskRecord } from "../../functions/domain/records.ts";
import { TaskStore } from "../../functions/stores/tasks.ts";
import { startApi } from "../../test/support/api.ts";
import { openCountedTable } from "../../test/support/counted-table.ts";
import { startStorage, uniquePrefix } from "../../test/support/storage.ts";
import { table } from "./table.ts";
import { benchActions } from "./task-actions.ts";

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: "50000" },
    portion: { type: "string", default: "10000" },
  },
});
const total = Number(values.tasks);
const portion = Number(values.portion);
const storage = await startStorage();
const prefix = uniquePrefix();
const sessions = await openCountedTable(storage.connection, `${prefix}Sessions`);
const tasks = await openCountedTable(storage.connection, `${prefix}Tasks`);
const store = new TaskStore(sessions.table, tasks.table);
const session = newId(8);
const figures: { call: string; ms: number; transactions: number }[] = [];

async function measure<T>(call: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const [result, transactions] = await tasks.count(work);
  figures.push({ call, ms: performance.now() - began, transactions });
  return result;
}

const made = (number: number): TaskRecord => ({
  id: `${session}-${newId(8)}`,
  sessionId: session,
  // Names in another order than the tasks themselves.
  name: `Share ${(number * 7919) % total} of department ${number % 40}`,
  source: `\\\\server${number % 20}\\department-${number % 40}\\share-${number}`,
  destination: {
    siteUrl: `https://contoso.sharepoint.com/sites/department-${number % 40}`,
    library: "Documents",
    folder: `Shares/${number}`,
  },
  agentGroup: number % 3 === 0 ? "paris" : "default",
  tags: [`department ${number % 40}`, ...(number % 100 === 0 ? ["first"] : [])],
  settings: {},
  state: "Scheduled",
  createdAt: new Date(Date.UTC(2026, 0, 1) + number).toISOString(),
  nextIntId: 1,
});

const ids: string[] = [];
for (let start = 0; start < total; start += portion) {
  const some = Array.from({ length: Math.min(portion, total - start) }, (_, n) => made(start + n));
  ids.push(...some.map(({ id }) => id));
  await measure(`create ${some.length} on top of ${start}`, () => store.createMany(session, some));
}
const page = (query: object) =>
  store.page(session, { sort: "-created", limit: 100, ...query } as never);
await measure("create one", () => store.create(made(total)));
await measure("change of one task's state", () =>
  store.update(ids[5] as string, (task) => ({ ...task, state: "Queued" })),
);
await measure("50 changes of state at once", () =>
  Promise.all(
    ids.slice(100, 150).map((id) => store.update(id, (task) => ({ ...task, state: "InProgress" }))),
  ),
);
const stores = Array.from({ length: 10 }, () => new TaskStore(sessions.table, tasks.table));
await measure("50 changes of state at once, in 10 processes", () =>
  Promise.all(
    ids
      .slice(200, 250)
      .map((id, n) =>
        (stores[n % 10] as TaskStore).update(id, (task) => ({ ...task, state: "Failed" })),
      ),
  ),
);
await measure("1,000 changes of state at once", () =>
  Promise.all(
    ids.slice(1000, 2000).map((id) => store.update(id, (task) => ({ ...task, state: "Queued" }))),
  ),
);
for (const sort of ["-created", "created", "name", "-name"])
  await measure(`page of 100, sort ${sort}`, () => page({ sort }));
const first = await page({ sort: "name" });
await measure("next page of 100, by name", () => page({ sort: "name", after: first.next }));
await measure("filter state=Failed", () => page({ state: ["Failed"] }));
await measure("filter state=Failed,Queued,InProgress by name", () =>
  page({ state: ["Failed", "Queued", "InProgress"], sort: "name" }),
);
await measure("filter group", () => page({ group: "paris" }));
await measure("filter tag", () => page({ tag: "department 7" }));
await measure("filter tag and state", () => page({ tag: "department 7", state: ["Scheduled"] }));
await measure("text that few have", () => page({ text: "share-49999" }));
await measure("text that many have", () => page({ text: "department-7" }));
await measure("created in a range", () =>
  page({ createdFrom: "2026-01-01T00:00:10.000Z", createdBefore: "2026-01-01T00:00:11.000Z" }),
);
await measure("summary", () => store.counts(session));
await measure("one task", () => store.find(ids[7] as string));
await measure("removal of one task", () => store.remove(ids[8] as string));

console.log(
  table(
    ["call", "ms", "storage transactions"],
    figures.map(({ call, ms, transactions }) => [call, ms.toFixed(0), String(transactions)]),
  ),
);
await storage.stop();
await actions();
await overHttp(10_000);

/** Actions on all tasks of a session that is as large as the portions above. */
async function actions(): Promise<void> {
  const rows = await benchActions(portion);
  console.log(
    table(
      ["action on many", "tasks", "seconds", "CPU s", "requests per task"],
      rows.map(({ action, tasks: acted, ms, cpuMs, requests }) => [
        action,
        String(acted),
        (ms / 1000).toFixed(1),
        (cpuMs / 1000).toFixed(1),
        (requests / acted).toFixed(2),
      ]),
    ),
  );
}

/** A file of so many rows from its first byte to the answer, through the Functions host. */
async function overHttp(rows: number): Promise<void> {
  const api = await startApi();
  const { json } = await api.post("v1/sessions", { name: "Bench" });
  const path = `v1/sessions/${json.id}/tasks/bulk`;
  const headers = { "content-type": "text/csv" };
  const lines = Array.from(
    { length: rows },
    (_, n) =>
      `\\\\server\\share-${n},,,https://contoso.sharepoint.com/sites/s${n % 50},Documents,${n}`,
  );
  const runs: [string, string, string][] = [
    ["dry run", "?dryRun=true", lines.join("\n")],
    ["created", "", lines.join("\n")],
    ["all duplicates", "", lines.join("\n")],
    ["all invalid", "", lines.map((line) => line.replace("https", "ftp")).join("\n")],
  ];
  for (const [what, query, body] of runs) {
    const began = performance.now();
    const { status, json: answer } = await api.post(`${path}${query}`, body, { headers });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const { created, valid, invalid, duplicates } = answer;
    console.log(
      `${rows} rows over HTTP, ${what}: ${seconds} s, ${status}, ${JSON.stringify({ created, valid, invalid, duplicates })}`,
    );
  }
  await api.stop();
}
