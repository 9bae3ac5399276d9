import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { openCountedTable } from "../../test/support/counted-table.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { AuditStore } from "./audit.ts";

let storage: TestStorage;
let counted: Awaited<ReturnType<typeof openCountedTable>>;
let audit: AuditStore;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());
beforeEach(async () => {
  counted = await openCountedTable(storage.connection, `${uniquePrefix()}Audit`);
  audit = new AuditStore(counted.table);
});

const who = { actor: "Ana", actorId: "ana", role: "operator" as const };
const of = (task: string, action = "pauseTask") => ({ ...who, action, ids: { task } });
const entries = async (query = {}) => (await audit.page({ limit: 100, ...query })).entries;

describe("an entry of the audit trail", () => {
  it("is there before the change, and says afterwards how it went", async () => {
    const intent = await audit.intend({ ...who, action: "createTask", ids: { session: "s" } });
    expect(await entries()).toEqual([
      {
        ...{ ...who, action: "createTask", ids: { session: "s" }, outcome: "unknown" },
        ...{ id: expect.any(String), at: expect.any(String) },
      },
    ]);
    await intent.done(201, { session: "s", task: "t" });
    for (const query of [{}, { task: "t" }])
      expect(await entries(query)).toMatchObject([
        { ids: { session: "s", task: "t" }, status: 201, outcome: "done" },
      ]);
  });

  it("is gone when the change was refused, and stays when it failed half way", async () => {
    const refused = await audit.intend(of("a"));
    const failed = await audit.intend(of("a", "runTask"));
    await refused.refused();
    await failed.done(500);
    for (const query of [{}, { task: "a" }])
      expect(await entries(query)).toMatchObject([
        { action: "runTask", status: 500, outcome: "failed" },
      ]);
  });

  it("costs two requests, those of a hundred tasks together a few more", async () => {
    const change = async (task: string) => (await audit.intend(of(task))).done(200);
    expect((await counted.count(() => change("one")))[1]).toBe(2);
    const tasks = Array.from({ length: 100 }, (_, n) => `t${n}`);
    const [, requests] = await counted.count(() => Promise.all(tasks.map(change)));
    expect(requests).toBeLessThan(12);
    expect(await entries({ task: "t99" })).toHaveLength(1);
    expect(await entries({ limit: 1000 })).toHaveLength(101);
  });
});

describe("the trail of a task", () => {
  it("has neither entries of others nor of tasks whose id begins alike", async () => {
    for (const task of ["s-a", "s-ab", "s-a.b"]) await audit.add({ ...of(task), status: 200 });
    expect((await entries({ task: "s-a" })).map(({ ids }) => ids.task)).toEqual(["s-a"]);
  });

  it("is read from a time to another, on from any page", async () => {
    for (let n = 0; n < 5; n++) await audit.add({ ...of("a", `action${n}`), status: 200 });
    const all = await entries({ task: "a" });
    const page = await audit.page({ limit: 2, task: "a" });
    const rest = await audit.page({ limit: 10, task: "a", after: page.next });
    expect([...page.entries, ...rest.entries]).toEqual(all);
    const until = new Date(Date.now() + 60_000).toISOString();
    expect(await entries({ task: "a", from: until })).toEqual([]);
    expect(await entries({ task: "a", until })).toHaveLength(5);
    expect(await entries({ until: "2020-01-01T00:00:00.000Z" })).toEqual([]);
  });
});
