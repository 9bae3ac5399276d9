import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { task } from "../../test/support/records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { openTable } from "./storage/documents.ts";
import { TaskStore } from "./tasks.ts";

let storage: TestStorage;
let store: TaskStore;

beforeAll(async () => {
  storage = await startStorage();
  const prefix = uniquePrefix();
  store = new TaskStore(
    await openTable(storage.connection, `${prefix}Sessions`),
    await openTable(storage.connection, `${prefix}Tasks`),
  );
});
afterAll(() => storage.stop());

const inSession = (sessionId: string, id: string) => task({ sessionId, id: `${sessionId}-${id}` });

describe("tasks", () => {
  it("are listed by session", async () => {
    for (const each of [inSession("sess000a", "task0002"), inSession("sess000a", "task0001")])
      expect(await store.insert(each)).toBe(true);
    await store.insert(inSession("sess000b", "task0001"));
    const found = await Array.fromAsync(store.list("sess000a"));
    expect(found.map(({ id }) => id)).toEqual(["sess000a-task0001", "sess000a-task0002"]);
    expect(await store.insert(inSession("sess000a", "task0001"))).toBe(false);
  });

  it("are found by their id, and by nothing else", async () => {
    const made = inSession("sess000c", "task0001");
    await store.insert(made);
    expect(await store.find(made.id)).toEqual(made);
    for (const id of ["", "sess000c", "sess000c-task0009", "active-task0001", "a/b-c#d", "-"])
      expect(await store.find(id)).toBeUndefined();
  });

  it("with an open round are listed apart", async () => {
    const made = { ...inSession("sess000d", "task0001"), state: "Completed" as const };
    await store.setActive(made.id);
    await store.setActive(made.id);
    expect(await Array.fromAsync(store.listActive())).toEqual([made.id]);
    await store.setInactive(made.id);
    await store.setInactive(made.id);
    expect(await Array.fromAsync(store.listActive())).toEqual([]);
  });

  it("stay listed when they have been begun again meanwhile", async () => {
    const made = { ...inSession("sess000e", "task0001"), state: "Queued" as const };
    await store.insert(made);
    await store.setActive(made.id);
    await store.setInactive(made.id);
    expect(await Array.fromAsync(store.listActive())).toEqual([made.id]);
    await store.update(made.id, (value) => ({ ...value, state: "Completed" }));
    await store.setInactive(made.id);
    expect(await Array.fromAsync(store.listActive())).toEqual([]);
  });
});

describe("sessions", () => {
  it("are found by their id", async () => {
    const session = { id: "sess000a", name: "A", createdAt: "2026-01-01T00:00:00.000Z" };
    await store.insertSession(session);
    expect(await store.findSession("sess000a")).toEqual(session);
    expect(await store.findSession("sess/#?'")).toBeUndefined();
    expect(await Array.fromAsync(store.listSessions())).toEqual([session]);
  });
});
