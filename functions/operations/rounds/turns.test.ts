/* Who has his turn, what is due, and what is left of a deleted task: over real tables and blobs, with a noted task hub. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import { type NotedClient, noteClient } from "../../../test/support/durable-client.ts";
import { pkg, round, task } from "../../../test/support/records.ts";
import type { TestServices } from "../../../test/support/services.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { workId } from "../../stores/rounds/refs.ts";
import { actOnTasks } from "../tasks/actOnTasks.ts";
import { changeTask } from "../tasks/changeTask.ts";
import { deleteTask } from "../tasks/deleteTask.ts";
import { eraseTask } from "../tasks/eraseTask.ts";
import { planWakeUps } from "../tasks/planWakeUps.ts";
import { wakeTask } from "../tasks/wakeTask.ts";
import { cancelTask } from "./cancelTask.ts";
import { dispatch } from "./dispatch.ts";
import { noteEnd } from "./noteEnd.ts";
import { pauseTask } from "./pauseTask.ts";
import { resumeRound, reviveRound, startRound } from "./startRound.ts";

const { app: all } = controlPlane();
let app: TestServices;
let noted: NotedClient;
let group: string;
let tests = 0;
let ids = 0;

beforeEach(() => {
  noted = noteClient();
  group = `g${++tests}`;
  app = { ...all, config: { ...all.config, TASKS_AT_ONCE: 2 } };
});

async function put(more: Partial<TaskRecord> = {}): Promise<string> {
  const id = `sess0000-trn${++ids}`;
  await app.tasks.insert(
    task({ id, source: `/srv/${id}`, agentGroup: group, state: "Scheduled", ...more }),
  );
  return id;
}
const found = async (id: string) => (await app.tasks.find(id)) as TaskRecord;
const begun = () => noted.started.map(({ input }) => (input as { taskId: string }).taskId);
/** The round of a task ends, as its orchestration would end it. */
async function endRound(id: string, state: RoundRecord["state"] = "Completed"): Promise<void> {
  const { round: number = 0 } = await found(id);
  const ended = await app.rounds.change(id, number, (value) => ({ ...value, state }));
  await noteEnd(app, ended as RoundRecord);
  await dispatch(app, noted.client, group);
}
const run = (id: string) => startRound(app, noted.client, id);

describe("admission", () => {
  it("gives so many tasks of a group their turn, oldest first, and the next when one ends", async () => {
    const tasks = [];
    for (let n = 0; n < 4; n++) tasks.push(await put());
    const [a, b, c, d] = tasks as [string, string, string, string];
    for (const id of tasks) {
      await run(id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(begun()).toEqual([a, b]);
    expect((await found(d)).state).toBe("Queued");
    const place = { ...(await found(d)).queued, taskId: d } as never;
    expect(await app.admission.ahead(place, 100)).toBe(1);
    await endRound(b);
    expect(begun()).toEqual([a, b, c]);
    await endRound(a, "Failed");
    await endRound(c);
    expect(begun()).toEqual([a, b, c, d]);
    await endRound(d);
  });

  it("keeps to the limit however many ask at once", async () => {
    const tasks = await Promise.all(Array.from({ length: 8 }, () => put()));
    await Promise.all(tasks.map(run));
    await Promise.all(Array.from({ length: 4 }, () => dispatch(app, noted.client, group)));
    expect(begun()).toHaveLength(2);
    expect(new Set(begun()).size).toBe(2);
  });

  it("lets other groups alone", async () => {
    for (let n = 0; n < 3; n++) await run(await put());
    const other = await put({ agentGroup: `${group}-b` });
    await run(other);
    expect(begun()).toContain(other);
  });

  it("gives no turn to who is paused or cancelled while it waits", async () => {
    const [a, b, c, d] = [await put(), await put(), await put(), await put()];
    for (const id of [a, b, c, d]) await run(id);
    await pauseTask(app, noted.client, c, "person", "wait");
    expect((await found(c)).state).toBe("Paused");
    await cancelTask(app, noted.client, d);
    expect(await found(d)).toMatchObject({ state: "Cancelled" });
    expect(await found(d)).not.toHaveProperty("round");
    await endRound(a);
    await endRound(b);
    expect(begun()).toEqual([a, b]);
    await resumeRound(app, noted.client, c);
    await run(d);
    expect(begun()).toEqual([a, b, c, d]);
    expect((await found(d)).round).toBe(0);
  });

  it("finds its way back when a queued task has lost its place", async () => {
    const id = await put({ state: "Queued" });
    await app.tasks.setActive(id);
    await reviveRound(app, noted.client, id);
    expect(begun()).toEqual([id]);
  });
});

describe("a schedule", () => {
  const due = async (now: number) =>
    (await Array.fromAsync(app.wakeUps.due(now))).filter(({ taskId }) =>
      taskId.startsWith("sess0000-trn"),
    );
  /** The timer's turn at a moment. */
  async function wake(now: number): Promise<void> {
    for (const each of await due(now)) await wakeTask(app, noted.client, each, now);
  }
  const NOW = Date.UTC(2031, 5, 2, 12);
  const HOUR = 3600_000;
  const at = (time: number) => new Date(time).toISOString();

  it("runs a task once, when its time has come", async () => {
    const id = await put({ schedule: { at: at(NOW + HOUR) } });
    await planWakeUps(app, id, NOW);
    await wake(NOW);
    expect(begun()).toEqual([]);
    await wake(NOW + HOUR);
    expect(begun()).toEqual([id]);
    expect(await due(NOW + 100 * HOUR)).toEqual([]);
    await endRound(id);
  });

  it("runs it again and again, and leaves out what is due while a round is open", async () => {
    const id = await put({ schedule: { cron: "0 * * * *", timeZone: "UTC" } });
    await planWakeUps(app, id, NOW);
    await wake(NOW + HOUR);
    await wake(NOW + 2 * HOUR);
    expect(begun()).toEqual([id]);
    expect((await found(id)).missed).toEqual({
      at: at(NOW + 2 * HOUR),
      reason: "the run that was due then was left out: round R0 was Queued",
    });
    await endRound(id);
    await wake(NOW + 3 * HOUR);
    expect(begun()).toEqual([id, id]);
    expect((await found(id)).round).toBe(1);
    await endRound(id);
    await changeTask(app, noted.client, id, { schedule: null }, () => undefined);
    await wake(NOW + 4 * HOUR);
    expect(begun()).toEqual([id, id]);
    expect(await due(NOW + 100 * HOUR)).toEqual([]);
  });

  it("that is given to a finished task makes it wait again", async () => {
    const id = await put({ state: "Completed", round: 0 });
    await changeTask(app, noted.client, id, { schedule: { at: at(NOW) } }, () => undefined);
    expect((await found(id)).state).toBe("Scheduled");
    expect((await due(NOW)).map(({ taskId }) => taskId)).toEqual([id]);
    await deleteTask(app, id);
    await wake(NOW);
    expect(await due(NOW)).toEqual([]);
  });

  describe("with windows", () => {
    /** A window that is open at this moment, or not, and changes in a few hours. */
    const window = (open: boolean) => {
      const hour = new Date().getUTCHours();
      const clock = (hours: number) => `${String((hours + 24) % 24).padStart(2, "0")}:00`;
      const [from, to] = open ? [hour - 2, hour + 4] : [hour + 3, hour + 6];
      const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
      return [{ days: [...days], from: clock(from), to: clock(to), timeZone: "UTC" }];
    };
    const next = async (id: string) =>
      Date.parse((await due(Date.now() + 30 * HOUR)).find(({ taskId }) => taskId === id)?.at ?? "");

    it("a task that is run outside waits for the next one, and works until it closes", async () => {
      const id = await put({ windows: window(false) });
      await run(id);
      expect(begun()).toEqual([]);
      expect(await found(id)).toMatchObject({
        state: "Paused",
        paused: { by: "window", reason: expect.stringMatching(/^outside its windows, the next/) },
      });
      // It opens. The clock of the test is ahead of that of admission: its windows are changed with it.
      const opens = await next(id);
      await app.tasks.update(id, (value) => ({ ...value, windows: window(true) }));
      const open = Date.now();
      await wakeTask(app, noted.client, { taskId: id, at: at(opens) }, open);
      expect(begun()).toEqual([id]);
      const closes = await next(id);
      expect(closes).toBeGreaterThan(open);
      await wake(closes);
      expect(await found(id)).toMatchObject({ state: "Pausing", paused: { by: "window" } });
      // It opens again before all is quiet.
      await wakeTask(app, noted.client, { taskId: id, at: at(0) }, Date.now());
      expect((await found(id)).state).toBe("Queued");
    });

    it("does not go on with what a person has paused", async () => {
      const id = await put({ windows: window(true) });
      await run(id);
      await pauseTask(app, noted.client, id, "person", "no");
      await endRound(id, "Paused");
      await wakeTask(app, noted.client, { taskId: id, at: at(0) }, Date.now());
      expect((await found(id)).state).toBe("Paused");
      // What a window has paused, a person can pause, too.
      await app.tasks.update(id, (value) => ({
        ...value,
        paused: { by: "window", reason: "closed", at: at(0) },
      }));
      await pauseTask(app, noted.client, id, "person", "no");
      expect((await found(id)).paused).toMatchObject({ by: "person" });
    });
  });
});

describe("another agent group", () => {
  const bind = (id: string, agentGroup: string, check: (version: unknown) => void = () => {}) =>
    changeTask(app, noted.client, id, { agentGroup }, check);
  const placeOf = async (id: string) => ({ ...(await found(id)).queued, taskId: id }) as never;

  it("has a task that waits for its turn in its own queue, at the same time's place", async () => {
    const [one, two, three] = [await put(), await put(), await put()];
    for (const id of [one, two, three]) await run(id);
    const { at } = (await found(three)).queued ?? {};
    expect(begun()).toEqual([one, two]);
    const refused = new Error("another version");
    await expect(
      bind(three, `${group}-b`, () => {
        throw refused;
      }),
    ).rejects.toBe(refused);
    expect(await app.admission.isWaiting(await placeOf(three))).toBe(true);
    // The other group has nothing to do: its turn has come.
    await bind(three, `${group}-b`);
    expect((await found(three)).queued).toEqual({ at, group: `${group}-b` });
    expect(begun()).toEqual([one, two, three]);
    expect(await app.admission.isWaiting(await placeOf(three))).toBe(false);
    const { agentGroup } = (await app.rounds.find(three, 0)) as RoundRecord;
    expect(agentGroup).toBe(`${group}-b`);
  });

  it("takes over the round in progress, and its orchestrations are told to look at what waits", async () => {
    const id = await put();
    await run(id);
    const { run: name } = (await app.rounds.find(id, 0)) as RoundRecord;
    const scan = workId({ taskId: id, round: 0, run: name }, { kind: "scan" });
    const instance = "waits-for-the-scan";
    await app.rounds.insertWork({
      ...{ id: scan.text, kind: "scan", taskId: id, round: 0, run: name, group, instance },
      ...{ state: "queued", epoch: 1, lost: 0, offeredAt: new Date().toISOString() },
      progress: { items: 0, bytes: 0 },
    });
    await bind(id, `${group}-b`);
    expect((await app.rounds.find(id, 0))?.agentGroup).toBe(`${group}-b`);
    expect(noted.raised).toEqual([{ instance, event: "finished" }]);
  });
});

describe("deleting a task", () => {
  const left = async (id: string) => {
    const names: string[] = [];
    for await (const { name } of app.packageBlobs.listContainers({ prefix: `${id}-` }))
      names.push(name);
    for (const container of [app.state.plans, app.state.outcomes, app.state.reports])
      for await (const { name } of container.listBlobsFlat({ prefix: `${id}/` })) names.push(name);
    for (let number = 0; number < 2; number++)
      if (await app.rounds.find(id, number)) names.push(`R${number}`);
    return names;
  };
  async function withTraces(): Promise<string> {
    const id = await put({ state: "Completed", round: 1 });
    for (let number = 0; number < 2; number++) {
      const packages = Array.from({ length: 120 }, (_, n) => ({ segment: n, value: pkg(n) }));
      await app.rounds.insert(round({ taskId: id, number, inventoryContainer: "none" }));
      await app.rounds.mendPackages({ taskId: id, round: number, run: "run000" }, packages);
      for (const container of [app.state.plans, app.state.outcomes, app.state.reports])
        await container.getBlockBlobClient(`${id}/R${number}/x`).upload("x", 1);
      for (const end of ["d", "m"])
        await app.packageBlobs.createContainer(`${id}-r${number}-${end}`);
    }
    return id;
  }
  const tombstone = async (id: string) =>
    (await Array.fromAsync(app.tombstones.list())).find((each) => each.id === id);

  it("takes it away at once, and later all that it left", async () => {
    const id = await withTraces();
    expect(await left(id)).toHaveLength(12);
    await deleteTask(app, id);
    expect(await app.tasks.find(id)).toBeUndefined();
    const stone = await tombstone(id);
    // Whoever runs out of time goes on later.
    expect(await eraseTask(app, stone as never, 0)).toBe(false);
    expect(await eraseTask(app, stone as never, Date.now() + 60_000)).toBe(true);
    expect(await left(id)).toEqual([]);
    expect(await tombstone(id)).toBeUndefined();
    expect(await eraseTask(app, stone as never, Date.now() + 60_000)).toBe(true);
    await expect(deleteTask(app, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it.each(["Queued", "InProgress", "Pausing", "Cancelling"] as const)(
    "is refused when it is %s",
    async (state) => {
      const id = await put({ state });
      await expect(deleteTask(app, id)).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await tombstone(id)).toBeUndefined();
    },
  );

  it("that was cut off is done by the timer, unless the task runs again", async () => {
    const [gone, back] = [await withTraces(), await put({ state: "Queued", round: 0 })];
    for (const id of [gone, back]) await app.tombstones.put({ id, rounds: 2, deletedAt: "then" });
    for (const id of [gone, back])
      await eraseTask(app, (await tombstone(id)) as never, Date.now() + 60_000);
    expect(await app.tasks.find(gone)).toBeUndefined();
    expect(await left(gone)).toEqual([]);
    expect((await found(back)).state).toBe("Queued");
    expect(await tombstone(back)).toBeUndefined();
  });
});

describe("many tasks at once", () => {
  it("each have their own result", async () => {
    const [ready, busy, done] = [
      await put(),
      await put({ state: "Pausing" }),
      await put({ state: "Completed" }),
    ];
    const who = { name: "the operator", id: "key-1", role: "operator" as const };
    const answer = await actOnTasks(
      ...([app, noted.client, "sess0000"] as const),
      { action: "run", tasks: [ready, busy, done, "sess0000-none", "other000-task"] },
      who,
    );
    expect(answer.results).toMatchObject([
      { id: ready, ok: true, state: "Queued" },
      { id: busy, ok: false, problem: { code: "CONFLICT" } },
      { id: done, ok: true },
      { id: "sess0000-none", ok: false, problem: { code: "NOT_FOUND" } },
      { id: "other000-task", ok: false, problem: { code: "NOT_FOUND" } },
    ]);
    const paused = await actOnTasks(
      ...([app, noted.client, "sess0000"] as const),
      { action: "pause", filter: { group } },
      who,
    );
    const states = new Map(paused.results.map(({ id, ok }) => [id, ok]));
    expect([states.get(ready), states.get(busy), states.get(done)]).toEqual([true, true, true]);
    expect((await found(ready)).paused?.reason).toBe("paused by the operator");
  });
});
