import { TableClient, TableServiceClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { noteClient } from "../../../test/support/durable-client.ts";
import { pkg, round, task } from "../../../test/support/records.ts";
import { buildServices, type TestServices } from "../../../test/support/services.ts";
import { sharePointClient } from "../../../test/support/sharePointClient.ts";
import type { Tombstone } from "../../stores/tombstones.ts";
import { changeTask } from "./changeTask.ts";
import { deleteTask } from "./deleteTask.ts";
import { eraseTask } from "./eraseTask.ts";
import { planWakeUps } from "./planWakeUps.ts";

const { around, destination, target, answering, packageOf } = await sharePointClient();

let app: TestServices;
beforeAll(async () => {
  app = await buildServices(around);
});
afterAll(() => app.close());

/** Everything in tables and blobs that has to do with a task, but for the audit trail. */
async function everything(id: string): Promise<string[]> {
  const connection = app.config.STATE_STORAGE_CONNECTION;
  const options = { allowInsecureConnection: true };
  const found: string[] = [];
  for await (const { name = "" } of TableServiceClient.fromConnectionString(
    connection,
    options,
  ).listTables()) {
    if (!name.startsWith(app.config.TABLE_PREFIX) || name.endsWith("Audit")) continue;
    const table = TableClient.fromConnectionString(connection, name, options);
    for await (const row of table.listEntities())
      if (JSON.stringify(row).includes(id)) found.push(`${name} ${row.partitionKey} ${row.rowKey}`);
  }
  for await (const { name } of app.stateBlobs.listContainers()) {
    if (name.includes(id)) found.push(name);
    for await (const blob of app.stateBlobs.getContainerClient(name).listBlobsFlat())
      if (blob.name.includes(id)) found.push(`${name} ${blob.name}`);
  }
  return found;
}

const tombstone = async (id: string): Promise<Tombstone> =>
  (await Array.fromAsync(app.tombstones.list())).find((each) => each.id === id) as Tombstone;
const erase = async (id: string) => eraseTask(app, await tombstone(id), Date.now() + 60_000);

/** A task whose round is paused while SharePoint has a job of it that has not begun. */
async function paused(id: string, job: string): Promise<void> {
  await app.webhooks.insert({
    ...{ id: "hook", url: "http://127.0.0.1:1/", events: ["task.Paused"] },
    ...{ createdAt: "2026-01-01T00:00:00.000Z", secret: { keyId: "", sealed: "" } },
  } as never);
  const cron = { cron: "0 3 * * *", timeZone: "Europe/Paris" };
  await app.tasks.insert(
    task({ id, source: `/srv/${id}`, state: "Pausing", round: 0, schedule: cron }),
  );
  await planWakeUps(app, id, Date.now());
  await app.rounds.insert(round({ taskId: id, state: "InProgress" }));
  const importing = pkg(0, { state: "importing", job });
  const ref = { taskId: id, round: 0, run: "run000" };
  await app.rounds.mendPackages(ref, [{ segment: 0, value: importing }]);
  await app.rounds.change(id, 0, (value) => ({ ...value, target, state: "Paused" }));
  await app.slots.take(target.siteId, { ...ref, segment: 0 }, Date.now());
  await app.tasks.update(id, (value) => ({ ...value, state: "Paused" }));
  for (const container of [app.state.plans, app.state.outcomes, app.state.reports])
    await container.getBlockBlobClient(`${id}/R0/x`).upload("x", 1);
  await app.packageBlobs.createContainer(`${id}-r0-d`);
  await app.stateBlobs.createContainer(`inventory-${id}-r0`);
}

describe("a deleted task", () => {
  it("takes back what has not begun at SharePoint, and leaves nothing but its audit entries", async () => {
    const { files } = await packageOf("never.txt");
    await around.faults({ startDelayMs: 600_000 });
    const job = await destination.submit(target, files);
    const id = "sess0000-erase001";
    await paused(id, job);
    await app.audit.add({
      ...{ actor: "Ana", actorId: "ana", role: "operator", action: "deleteTask", status: 204 },
      ids: { task: id },
    });
    const before = await everything(id);
    const tables = new Set(before.map((each) => each.replace(/^\w*(?=[A-Z])/, "").split(" ")[0]));
    expect([...tables]).toEqual(
      expect.arrayContaining(["Tasks", "Rounds", "Webhooks", "Destinations"]),
    );
    await deleteTask(app, id);
    expect(await erase(id)).toBe(true);
    expect(await destination.isOver(target, job)).toBe(true);
    // What webhooks have still to be told goes when it was.
    expect((await everything(id)).filter((each) => !/Webhooks due /.test(each))).toEqual([]);
    const { entries } = await app.audit.page({ limit: 10, task: id });
    expect(entries.map(({ action }) => action)).toEqual(["deleteTask"]);
    expect(await destination.findFile(target, "never.txt")).toBeUndefined();
  });

  it("waits for SharePoint, though not for ever", async () => {
    const id = "sess0000-erase002";
    await paused(id, "22222222-2222-4222-8222-222222222222");
    const { origin } = await answering({ status: 403, body: {} });
    await app.rounds.change(id, 0, (value) => ({ ...value, target: { ...target, origin } }));
    await deleteTask(app, id);
    await expect(erase(id)).rejects.toThrow();
    const deletedAt = new Date(Date.now() - 25 * 3_600_000).toISOString();
    await app.tombstones.put({ ...(await tombstone(id)), deletedAt });
    expect(await erase(id)).toBe(true);
    expect((await everything(id)).filter((each) => !/Webhooks due /.test(each))).toEqual([]);
  });
});

describe("a task that another process begins meanwhile", () => {
  it("is not deleted because of the state in which it was found", async () => {
    const id = "sess0000-erase004";
    await app.tasks.insert(task({ id, source: `/srv/${id}`, state: "Completed" }));
    const tombstones = Object.assign(Object.create(app.tombstones), {
      async put(entry: Tombstone) {
        await app.tombstones.put(entry);
        await app.tasks.update(id, (value) => ({ ...value, state: "Queued" }));
      },
    });
    await expect(deleteTask({ ...app, tombstones }, id)).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect(await app.tasks.find(id)).toMatchObject({ state: "Queued" });
    const { tasks } = await app.tasks.page("sess0000", { sort: "created", limit: 100 });
    expect(tasks.find((each) => each.id === id)).toMatchObject({ state: "Queued" });
    expect(await erase(id)).toBe(true);
    expect(await app.tasks.find(id)).toBeDefined();
  });
});

describe("another schedule", () => {
  it("takes the place of the one before among what is due", async () => {
    const id = "sess0000-erase003";
    const at = "2031-01-01T00:00:00.000Z";
    await app.tasks.insert(
      task({ id, source: `/srv/${id}`, state: "Scheduled", schedule: { at } }),
    );
    await planWakeUps(app, id, Date.now());
    const due = async () =>
      (await Array.fromAsync(app.wakeUps.due(Date.UTC(2040, 0)))).filter(
        ({ taskId }) => taskId === id,
      );
    expect(await due()).toHaveLength(1);
    const later = "2032-01-01T00:00:00.000Z";
    const { client } = noteClient();
    await changeTask(app, client, id, { schedule: { at: later } }, () => undefined);
    expect(await due()).toEqual([{ taskId: id, at: later }]);
  });
});
