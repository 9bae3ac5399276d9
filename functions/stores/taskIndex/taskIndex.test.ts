import type { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { TaskListItem } from "../../../shared/contracts/tasks.ts";
import { openCountedTable } from "../../../test/support/counted-table.ts";
import { task as aTask } from "../../../test/support/records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { type TaskRecord, taskRecordSchema } from "../../domain/records.ts";
import { Documents, openTable } from "../storage/documents.ts";
import { TaskStore } from "../tasks.ts";
import type { PageQuery } from "./pageTasks.ts";
import { countsOf } from "./taskCounts.ts";

let storage: TestStorage;
let sessions: TableClient;
let tasks: TableClient;
let count: <T>(work: () => Promise<T>) => Promise<[T, number]>;
let store: TaskStore;

beforeAll(async () => {
  storage = await startStorage();
  const prefix = uniquePrefix();
  sessions = await openTable(storage.connection, `${prefix}Sessions`);
  ({ table: tasks, count } = await openCountedTable(storage.connection, `${prefix}Tasks`));
  store = new TaskStore(sessions, tasks);
});
afterAll(() => storage.stop());

const GROUPS = ["default", "paris", "rome"];
const STATES = ["Scheduled", "Completed", "Failed", "Paused"] as const;

const made = (session: string, number: number, more: Partial<TaskRecord> = {}): TaskRecord =>
  aTask({
    id: `${session}-t${number.toString().padStart(5, "0")}`,
    sessionId: session,
    name: `Share ${(number * 7919) % 1009} ${number}`,
    source: `/srv/share-${number}`,
    agentGroup: GROUPS[number % 3] as string,
    tags: number % 10 === 0 ? ["ten", `tag ${number % 7}`] : [],
    state: STATES[number % 4] as TaskRecord["state"],
    createdAt: new Date(Date.UTC(2026, 0, 1) + Math.floor(number / 3) * 1000).toISOString(),
    order: number % 3,
    ...more,
  });
const many = (session: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => made(session, from + index));

const query = (more: Partial<PageQuery>): PageQuery => ({ sort: "created", limit: 1_000, ...more });

/** All pages of a query. */
async function pages(session: string, more: Partial<PageQuery>): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.page(session, query({ ...more, after }));
    ids.push(...page.tasks.map(({ id }) => id));
    expect(page.tasks.length).toBeLessThanOrEqual(more.limit ?? 1_000);
    after = page.next;
  } while (after !== undefined);
  return ids;
}

async function summed(session: string) {
  const counts = await store.counts(session);
  return Object.fromEntries(countsOf(counts, "state"));
}

describe("lists", () => {
  const session = "sess1000";
  const all = many(session, 0, 700);

  beforeAll(async () => {
    expect((await store.createMany(session, all.slice(0, 300))).size).toBe(0);
    expect((await store.createMany(session, all.slice(300, 690))).size).toBe(0);
    await Promise.all(all.slice(690).map((task) => store.create(task)));
  });

  const idsOf = (fits: (task: TaskRecord) => boolean = () => true) =>
    all.filter(fits).map(({ id }) => id);

  it("are in the order of creation, and back", async () => {
    expect(await pages(session, { limit: 64 })).toEqual(idsOf());
    expect(await pages(session, { sort: "-created", limit: 300 })).toEqual(idsOf().reverse());
  });

  it("are in the order of names, and back", async () => {
    const named = all
      .map(({ name, id }) => [name.toLowerCase(), id] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, id]) => id);
    expect(await pages(session, { sort: "name", limit: 99 })).toEqual(named);
    expect(await pages(session, { sort: "-name", limit: 99 })).toEqual(named.reverse());
  });

  it.each<[string, Partial<PageQuery>, (task: TaskRecord) => boolean]>([
    ["a state", { state: ["Failed"] }, ({ state }) => state === "Failed"],
    [
      "several states",
      { state: ["Failed", "Paused", "InProgress"] },
      ({ state }) => state === "Failed" || state === "Paused",
    ],
    ["a group", { group: "rome" }, ({ agentGroup }) => agentGroup === "rome"],
    ["a tag", { tag: "tag 3" }, ({ tags }) => tags.includes("tag 3")],
    ["a tag that nobody has", { tag: "__proto__" }, () => false],
    [
      "a state, a group and a tag",
      { state: ["Failed", "Scheduled"], group: "rome", tag: "ten" },
      ({ state, agentGroup, tags }) =>
        ["Failed", "Scheduled"].includes(state) && agentGroup === "rome" && tags.includes("ten"),
    ],
    ["a part of the source", { text: "SHARE-69" }, ({ source }) => source.includes("share-69")],
    ["a part of the name", { text: "share 10 " }, ({ name }) => name.includes("Share 10 ")],
    [
      "a time of creation",
      { createdFrom: "2026-01-01T00:01:00Z", createdBefore: "2026-01-01T01:02:00+01:00" },
      ({ createdAt }) =>
        createdAt >= "2026-01-01T00:01:00.000Z" && createdAt < "2026-01-01T00:02:00.000Z",
    ],
  ])("are filtered by %s, in every order and in pages", async (_what, filter, fits) => {
    const wanted = idsOf(fits);
    expect(await pages(session, { ...filter, limit: 7 })).toEqual(wanted);
    expect(await pages(session, { ...filter, sort: "-created" })).toEqual(wanted.toReversed());
    const byName = await pages(session, { ...filter, sort: "name", limit: 13 });
    expect(byName.toSorted()).toEqual(wanted.toSorted());
    expect(await pages(session, { ...filter, sort: "-name" })).toEqual(byName.toReversed());
  });

  it("show what is known of each task", async () => {
    const { tasks: found } = await store.page(session, query({ limit: 1 }));
    const { id, name, source, destination, agentGroup, tags, state, createdAt } =
      all[0] as TaskRecord;
    const shown: TaskListItem[] = [
      { id, name, source, destination, agentGroup, tags, state, createdAt },
    ];
    expect(found).toEqual(shown);
  });

  it("refuse a token that is none, or of another order", async () => {
    const { next } = await store.page(session, query({ limit: 1 }));
    for (const after of ["x", "", Buffer.from("[1]").toString("base64url")])
      await expect(store.page(session, query({ after }))).rejects.toThrow(/after must be/);
    await expect(store.page(session, query({ sort: "name", after: next }))).rejects.toThrow();
  });

  it("have counters", async () => {
    expect(await summed(session)).toEqual({
      ...{ Scheduled: 175, Completed: 175, Failed: 175, Paused: 175 },
    });
    const counts = await store.counts(session);
    expect(new Map(countsOf(counts, "tag")).get("ten")).toBe(70);
  });
});

describe("a change", () => {
  it("moves the task between lists and counters", async () => {
    const session = "sess2000";
    await store.createMany(session, many(session, 0, 10));
    const id = `${session}-t00004`;
    const amount = (items: number) => ({ items, bytes: items * 10 });
    const lastRound = {
      ...{ number: 0, state: "Failed" as const, startedAt: "2026-01-01T00:00:00.000Z" },
      ...{ migrated: amount(3), skipped: amount(2), failed: amount(1) },
    };
    await store.update(id, (task) => ({ ...task, state: "Failed", name: "AAA", lastRound }));
    expect(await pages(session, { state: ["Failed"] })).toContain(id);
    expect(await pages(session, { state: ["Scheduled"] })).not.toContain(id);
    expect((await pages(session, { sort: "name" }))[0]).toBe(id);
    expect(await store.counts(session)).toMatchObject({
      ...{ migrated: amount(3), skipped: amount(2), failed: amount(1) },
    });
    await store.remove(id);
    expect(await pages(session, {})).toHaveLength(9);
    expect(await store.find(id)).toBeUndefined();
    expect((await store.counts(session)).migrated).toEqual(amount(0));
  });

  it("of what no list shows touches the task's row alone", async () => {
    const session = "sess2100";
    await store.create(made(session, 1));
    const [changed, requests] = await count(() =>
      store.update(`${session}-t00001`, (task) => ({ ...task, nextIntId: 9 })),
    );
    expect(changed?.nextIntId).toBe(9);
    expect(requests).toBe(3);
  });

  it("that throws harms no other of the same moment", async () => {
    const session = "sess2200";
    await store.createMany(session, many(session, 0, 4));
    const refused = new Error("no");
    const results = await Promise.allSettled([
      store.update(`${session}-t00000`, (task) => ({ ...task, state: "Queued" })),
      store.update(`${session}-t00001`, () => {
        throw refused;
      }),
      store.update(`${session}-t00009`, (task) => task),
      store.remove(`${session}-t00002`),
    ]);
    expect(results[1]).toEqual({ status: "rejected", reason: refused });
    expect(results[2]).toEqual({ status: "fulfilled", value: undefined });
    expect(await summed(session)).toEqual({ Queued: 1, Completed: 1, Paused: 1 });
  });

  it("is one of fifty at once, of one process and of five", async () => {
    const session = "sess2300";
    await store.createMany(session, many(session, 0, 50));
    const processes = Array.from({ length: 5 }, () => new TaskStore(sessions, tasks));
    for (const stores of [[store], processes]) {
      const state = stores.length === 1 ? "Queued" : "InProgress";
      await Promise.all(
        many(session, 0, 50).map(({ id }, index) =>
          (stores[index % stores.length] as TaskStore).update(id, (task) => ({ ...task, state })),
        ),
      );
      expect(await summed(session)).toEqual({ [state]: 50 });
      expect(await pages(session, { state: [state], limit: 20 })).toHaveLength(50);
    }
  });

  it("of tasks that were just found reads none of them again, unless somebody changed one", async () => {
    const session = "sess2500";
    await store.createMany(session, many(session, 0, 100));
    const found = await Promise.all(many(session, 0, 100).map(({ id }) => store.find(id)));
    const update = (task: TaskRecord | undefined, state: TaskRecord["state"]) =>
      store.update(task as TaskRecord, (value) => ({ ...value, state }));
    const queue = () => Promise.all(found.slice(0, 99).map((task) => update(task, "Queued")));
    const [, requests] = await count(queue);
    expect(requests).toBeLessThan(60);
    await store.update(`${session}-t00099`, (task) => ({ ...task, nextIntId: 7 }));
    await update(found[99], "Queued");
    expect(await store.find(`${session}-t00099`)).toMatchObject({ state: "Queued", nextIntId: 7 });
    expect(await summed(session)).toEqual({ Queued: 100 });
  });

  it.each([
    ["that only its own row shows", (task: TaskRecord) => ({ ...task, nextIntId: 7 })],
    ["that lists show", (task: TaskRecord) => ({ ...task, state: "Queued" as const })],
  ])(
    "%s, of a task that another process has removed since it was found, changes nothing",
    async (what, change) => {
      const session = what.includes("own") ? "sess2700" : "sess2800";
      await store.createMany(session, many(session, 0, 2));
      const found = (await store.find(`${session}-t00000`)) as TaskRecord;
      await new TaskStore(sessions, tasks).remove(found.id);
      expect(await store.update(found, change)).toBeUndefined();
      expect(await pages(session, { limit: 9 })).toEqual([`${session}-t00001`]);
    },
  );

  it("of many at once, group after group, keeps lists that others change in between", async () => {
    const session = "sess2600";
    const all = many(session, 0, 300);
    await store.createMany(session, all);
    const others = Array.from({ length: 3 }, () => new TaskStore(sessions, tasks));
    await Promise.all(
      all.map(({ id }, n) =>
        (n % 5 === 0 ? (others[n % 3] as TaskStore) : store).update(id, (task) =>
          task.tags.length > 9 ? undefined : { ...task, state: "Queued", name: `New ${n % 7}` },
        ),
      ),
    );
    expect(await summed(session)).toEqual({ Queued: 300 });
    expect(await pages(session, { state: ["Queued"], limit: 70 })).toEqual(all.map(({ id }) => id));
    expect(new Set(await pages(session, { sort: "name", limit: 70 })).size).toBe(300);
  });

  it("of one task by many loses none", async () => {
    const session = "sess2400";
    await store.create(made(session, 1, { nextIntId: 0 }));
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.update(`${session}-t00001`, (task) => ({
          ...task,
          name: `Name ${n}`,
          nextIntId: task.nextIntId + 1,
        })),
      ),
    );
    expect(await store.find(`${session}-t00001`)).toMatchObject({ nextIntId: 20 });
  });
});

describe("two tasks with the same source and destination", () => {
  const session = "sess3000";
  const at = (id: string, source: string, more: Partial<TaskRecord["destination"]> = {}) =>
    aTask({
      ...{ id: `${session}-${id}`, sessionId: session, source },
      destination: { ...aTask().destination, ...more },
    });

  it("are refused, whichever way they are written", async () => {
    await store.create(at("one1", "\\\\Server\\Share\\HR"));
    await store.create(at("two2", "/srv/Finance/"));
    for (const [number, same] of [
      at("a001", "\\\\server\\share\\hr\\"),
      at("a002", "//SERVER/share/hr"),
      at("a003", "/srv/Finance"),
      at("a004", "/srv/Finance//", { library: "documents" }),
    ].entries())
      await expect(store.create(same)).rejects.toMatchObject({
        code: "DUPLICATE_TASK",
        message: expect.stringContaining(number < 2 ? `${session}-one1` : `${session}-two2`),
      });
    expect(await store.create(at("b001", "/srv/finance"))).toBe(true);
    expect(await store.create(at("b002", "/srv/Finance", { folder: "Old" }))).toBe(true);
  });

  it("are refused at the same moment, and in one file", async () => {
    const results = await Promise.allSettled(
      ["c001", "c002", "c003"].map((id) => store.create(at(id, "/srv/same"))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const taken = await store.createMany(session, [
      at("d001", "/srv/other"),
      at("d002", "/srv/other/"),
      at("d003", "/srv/same"),
    ]);
    expect([...taken.keys()]).toEqual([`${session}-d002`, `${session}-d003`]);
    expect(taken.get(`${session}-d002`)).toBe(`${session}-d001`);
    expect(await store.find(`${session}-d002`)).toBeUndefined();
  });

  it("may follow each other", async () => {
    await store.create(at("e001", "/srv/moving"));
    await store.update(`${session}-e001`, (task) => ({ ...task, source: "/srv/moved" }));
    expect(await store.create(at("e002", "/srv/moving"))).toBe(true);
    await expect(
      store.update(`${session}-e002`, (task) => ({ ...task, source: "/srv/moved" })),
    ).rejects.toMatchObject({ code: "DUPLICATE_TASK" });
    await store.remove(`${session}-e001`);
    await store.update(`${session}-e002`, (task) => ({ ...task, source: "/srv/moved" }));
  });
});

describe("an index", () => {
  it("is made for the tasks of an earlier version", async () => {
    const session = "sess4000";
    const rows = new Documents(tasks, taskRecordSchema);
    const old = many(session, 0, 250);
    for (const task of old) await rows.insert(session, task.id, task);
    const again = new TaskStore(sessions, tasks);
    // Whoever comes first makes it, the others wait.
    const found = await Promise.all([
      store.page(session, query({ limit: 300 })),
      again.page(session, query({ limit: 300 })),
      store.update(old[3]?.id as string, (task) => ({ ...task, state: "Queued" })),
    ]);
    expect(found[0].tasks).toHaveLength(250);
    expect(found[1].tasks).toHaveLength(250);
    expect(await pages(session, { state: ["Queued"] })).toEqual([old[3]?.id]);
    await expect(
      store.create({ ...(old[5] as TaskRecord), id: `${session}-again` }),
    ).rejects.toMatchObject({ code: "DUPLICATE_TASK" });
  });

  it.each([0, 1, 4, 5, 7, 8])(
    "is right again after a creation of many died at write %i",
    async (writes) => {
      const session = `sess500${writes}`;
      await store.createMany(session, many(session, 0, 20));
      let left = writes;
      const dying = new Proxy(tasks, {
        get(table, name) {
          const value = Reflect.get(table, name) as unknown;
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (name === "submitTransaction" && left-- <= 0) throw new Error("killed");
            return value.apply(table, args);
          };
        },
      });
      const some = many(session, 20, 220);
      await new TaskStore(sessions, dying).createMany(session, some).catch(() => undefined);
      // Two minutes later.
      const late = new TaskStore(sessions, tasks);
      const realNow = Date.now;
      Date.now = () => realNow() + 130_000;
      try {
        const listed = (await late.page(session, query({}))).tasks.map(({ id }) => id);
        const stored = await Array.fromAsync(store.list(session));
        expect(listed).toEqual(stored.map(({ id }) => id));
        // What is missing can be sent again.
        await late.createMany(session, some);
        expect((await late.page(session, query({}))).tasks).toHaveLength(220);
      } finally {
        Date.now = realNow;
      }
    },
  );

  it("leaves tasks alone whose creation is repeated", async () => {
    const session = "sess4100";
    await store.createMany(session, many(session, 0, 5));
    await store.update(`${session}-t00002`, (task) => ({ ...task, state: "InProgress" }));
    expect((await store.createMany(session, many(session, 0, 8))).size).toBe(0);
    const states = await summed(session);
    expect(states).toMatchObject({ InProgress: 1 });
    expect(Object.values(states).reduce((sum, tasks) => sum + tasks, 0)).toBe(8);
    expect(await pages(session, {})).toHaveLength(8);
  });
});

it("costs as many storage transactions with 2,000 tasks as with 100", async () => {
  const session = "sess6000";
  const calls: Record<string, () => Promise<unknown>> = {
    page: () => store.page(session, query({ limit: 50 })),
    "page back": () => store.page(session, query({ limit: 50, sort: "-created" })),
    "page by name": () => store.page(session, query({ limit: 50, sort: "name" })),
    "state filter": () => store.page(session, query({ limit: 50, state: ["Failed"] })),
    "tag filter": () => store.page(session, query({ limit: 50, tag: "ten" })),
    counts: () => store.counts(session),
    find: () => store.find(`${session}-t00001`),
    change: async () => {
      const id = `${session}-t00005`;
      await store.update(id, (task) => ({
        ...task,
        state: task.state === "Queued" ? "Failed" : "Queued",
      }));
    },
  };
  const measure = async () => {
    const costs: Record<string, number> = {};
    for (const [name, call] of Object.entries(calls)) costs[name] = (await count(call))[1];
    return costs;
  };
  await store.createMany(session, many(session, 0, 100));
  await calls.change?.();
  const few = await measure();
  await store.createMany(session, many(session, 100, 2_000));
  const more = await measure();
  // A page of 50 lies on up to two leaves, and two are read when there are two.
  for (const name of Object.keys(calls))
    expect([name, (more[name] ?? 0) <= (few[name] ?? 0) + 1]).toEqual([name, true]);
  expect(Math.max(...Object.values(more))).toBeLessThanOrEqual(16);
});

describe("tasks whose creation storage has not confirmed", () => {
  it("are in the lists: the repeated request finds its own rows", async () => {
    const prefix = uniquePrefix();
    const table = await openTable(storage.connection, `${prefix}Tasks`);
    let lost = 0;
    table.pipeline.addPolicy(
      {
        name: "loses the answer to the first rows",
        async sendRequest(request, next) {
          const response = await next(request);
          const creates = /\nPOST http/.test(String(request.body ?? ""));
          return creates && lost++ === 0 ? { ...response, status: 500 } : response;
        },
      },
      { afterPhase: "Retry" },
    );
    const other = new TaskStore(sessions, table);
    await other.createMany("sess9000", many("sess9000", 0, 3));
    expect(lost).toBeGreaterThan(1);
    const page = await other.page("sess9000", query({}));
    expect(page.tasks).toHaveLength(3);
    // Who asks again for what exists creates nothing.
    const again = many("sess9000", 0, 3).map((each) => ({
      ...each,
      createdAt: "2026-05-01T00:00:00.000Z",
    }));
    await other.createMany("sess9000", again);
    const counted = countsOf(await other.counts("sess9000"), "state");
    expect(counted.reduce((sum, [, count]) => sum + count, 0)).toBe(3);
  });
});
