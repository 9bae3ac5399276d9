import { beforeEach, describe, expect, it } from "@jest/globals";
import type { TaskState } from "../../../shared/contracts/tasks.ts";
import { type NotedClient, noteClient } from "../../../test/support/durable-client.ts";
import { round, target, task } from "../../../test/support/records.ts";
import type { TestServices } from "../../../test/support/services.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import type { RoundRecord, TaskRecord } from "../../domain/records.ts";
import { beginRun } from "./beginRun.ts";
import { reviveRound, startRound } from "./startRound.ts";

const { app } = controlPlane();
let noted: NotedClient;
let taskId: string;
let tests = 0;

beforeEach(() => {
  noted = noteClient();
  taskId = `sess0000-start${++tests}`;
});

const put = (state: TaskState, more: Partial<TaskRecord> = {}) =>
  app.tasks.insert(task({ id: taskId, state, ...more }));
const putRound = (more: Partial<RoundRecord> = {}) => app.rounds.insert(round({ taskId, ...more }));
const start = () => startRound(app, noted.client, taskId);
const revive = () => reviveRound(app, noted.client, taskId);
const found = async () => (await app.tasks.find(taskId)) as TaskRecord;
const foundRound = async (number = 0) => (await app.rounds.find(taskId, number)) as RoundRecord;
const active = async () => (await Array.fromAsync(app.tasks.listActive())).includes(taskId);
const instance = (number: number, run: string) => `${taskId}.R${number}.${run}`;

/** The orchestration that was started last belongs to the round's run. */
async function expectRun(number: number, orchestrations = 1): Promise<void> {
  const { run, state } = await foundRound(number);
  expect(state).toBe("InProgress");
  expect(noted.started).toHaveLength(orchestrations);
  expect(noted.started.at(-1)).toEqual({
    name: "migrateTask",
    instanceId: instance(number, run),
    input: { taskId, round: number, run },
  });
  expect(await found()).toMatchObject({ round: number });
  expect(await active()).toBe(true);
}

describe("a task that never ran", () => {
  it.each(["Queued", "Scheduled"] as const)("begins round R0 when %s", async (state) => {
    await put(state, { nextIntId: 7 });
    await start();
    await expectRun(0);
    expect((await found()).state).toBe("Queued");
    expect(await foundRound()).toMatchObject({
      ...{ intIdBase: 7, suspectSegments: 0, nextSegment: 0 },
      inventoryContainer: `inventory-${taskId}-r0`,
    });
  });

  it("does not exist: says so", async () => {
    await expect(start()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a finished task", () => {
  it.each(["Completed", "CompletedWithErrors", "Cancelled"] as const)(
    "begins the next round when %s, compared with the last",
    async (state) => {
      await put(state, { round: 2, ledgerRound: 1, nextIntId: 501 });
      await putRound({ number: 2, state: "Completed" });
      await start();
      await expectRun(3);
      expect((await found()).state).toBe("Queued");
      expect(await foundRound(3)).toMatchObject({ ledgerRound: 1, intIdBase: 501 });
      expect((await foundRound(2)).state).toBe("Completed");
    },
  );

  it("takes its round up again when that failed", async () => {
    await put("Failed", { round: 1 });
    await putRound({
      ...{ number: 1, state: "Failed", run: "old000", target: target(), nextSegment: 40 },
      failure: { code: "INTERNAL", message: "no" },
      endedAt: "then",
      scan: { ...round().scan, segments: 50, finished: true },
    });
    await start();
    await expectRun(1);
    const again = await foundRound(1);
    expect(again.run).not.toBe("old000");
    // The scan that failed goes on; the destination is found anew.
    for (const gone of ["failure", "endedAt", "target"]) expect(again).not.toHaveProperty(gone);
    expect(again.scan).toMatchObject({ segments: 50, finished: false });
    expect(again.suspectSegments).toBe(40 + 256);
  });

  describe("that failed, and was changed since", () => {
    const elsewhere = { ...task().destination, folder: "elsewhere" };
    const failed = (more: Partial<RoundRecord> = {}) =>
      putRound({
        ...{ state: "Failed", nextSegment: 4, failure: { code: "INTERNAL", message: "no" } },
        ...more,
      });

    it("takes its round up with what may change", async () => {
      const settings = { ...task().settings, parallelPackages: 2, packageItems: 10 };
      await put("Failed", { round: 0, agentGroup: "paris", settings });
      await failed();
      await start();
      await expectRun(0);
      expect(await foundRound()).toMatchObject({
        agentGroup: "paris",
        // Integer ids are counted by packageItems.
        settings: { parallelPackages: 2, packageItems: 250 },
      });
    });

    it.each([
      ["leads to another folder", { destination: elsewhere }],
      ["comes from another source", { source: "/srv/elsewhere" }],
    ])(
      "begins a new round when it %s: what was brought stays where it is",
      async (_what, change) => {
        await put("Failed", { round: 0, ...change });
        await failed();
        await start();
        await expectRun(1);
        expect(await foundRound(1)).toMatchObject(change);
        expect((await foundRound(0)).state).toBe("Failed");
      },
    );

    it("takes its round up all the same when nothing was brought yet", async () => {
      await put("Failed", { round: 0, destination: elsewhere });
      await failed({ nextSegment: 0 });
      await start();
      await expectRun(0);
      expect((await foundRound()).destination).toEqual(elsewhere);
    });
  });

  it("keeps the end of a scan that did not fail", async () => {
    await put("InProgress", { round: 0 });
    await putRound({ scan: { ...round().scan, finished: true } });
    await start();
    expect((await foundRound()).scan.finished).toBe(true);
  });

  it("is begun once by many who ask at once", async () => {
    await put("Completed", { round: 0 });
    await putRound({ state: "Completed" });
    const answers = await Promise.allSettled(Array.from({ length: 6 }, start));
    await expectRun(1, noted.started.length);
    expect(await app.rounds.find(taskId, 2)).toBeUndefined();
    for (const answer of answers)
      if (answer.status === "rejected") expect(answer.reason).toMatchObject({ code: "CONFLICT" });
    // Whoever took the round over from another has fenced that one off.
    const { run } = await foundRound(1);
    expect(
      noted.started.filter(({ input }) => (input as { run: string }).run === run),
    ).toHaveLength(1);
  });

  it.each(["Pausing", "Paused", "Cancelling"] as const)("cannot run when %s", async (state) => {
    await put(state, { round: 0 });
    await putRound();
    await expect(start()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(noted.started).toEqual([]);
    expect((await foundRound()).run).toBe("run000");
  });
});

describe("a task in progress", () => {
  beforeEach(async () => {
    await put("InProgress", { round: 0 });
    await putRound();
  });
  const status = (state: string) => noted.statuses.set(instance(0, "run000"), state);

  it.each(["Pending", "Running", "ContinuedAsNew", "Suspended"])(
    "is left alone while its orchestration is %s",
    async (state) => {
      status(state);
      await start();
      await revive();
      expect(noted.started).toEqual([]);
      expect((await foundRound()).run).toBe("run000");
    },
  );

  it.each(["Failed", "Terminated", "Canceled", "Completed"])(
    "gets a new run when its orchestration is %s",
    async (state) => {
      status(state);
      await start();
      await expectRun(0);
      expect((await foundRound()).run).not.toBe("run000");
      expect((await found()).state).toBe("InProgress");
    },
  );

  it("gets a new run when the task hub does not know its orchestration", async () => {
    await revive();
    await expectRun(0);
  });

  it("is left alone when the task hub cannot be asked", async () => {
    status("broken");
    await expect(start()).rejects.toThrow("ECONNREFUSED");
    expect(noted.started).toEqual([]);
    expect((await foundRound()).run).toBe("run000");
  });

  it("is looked after once: the new run is alive", async () => {
    await start();
    await start();
    await revive();
    await expectRun(0, 1);
  });
});

describe("reviving", () => {
  it.each(["Completed", "CompletedWithErrors", "Failed", "Cancelled", "Scheduled"] as const)(
    "begins nothing when the task is %s, and looks at it no more",
    async (state) => {
      await put(state, { round: 0 });
      await putRound({ state: "Completed" });
      await app.tasks.setActive(taskId);
      await revive();
      expect(noted.started).toEqual([]);
      expect(await found()).toMatchObject({ state, round: 0 });
      expect(await active()).toBe(false);
    },
  );

  it("looks no more at a task that does not exist", async () => {
    await app.tasks.setActive(taskId);
    await revive();
    expect(await active()).toBe(false);
  });

  it("does not disturb a round that is just closing: its row is over before the task's", async () => {
    await put("InProgress", { round: 0 });
    await putRound({ state: "Completed" });
    noted.statuses.set(instance(0, "run000"), "Running");
    await revive();
    expect(noted.started).toEqual([]);
    expect((await foundRound()).state).toBe("Completed");
  });

  it("does not begin again what ended while it looked", async () => {
    await put("InProgress", { round: 0 });
    await putRound();
    const { getStatus } = noted.client;
    noted.client.getStatus = async (id) => {
      // The orchestration ends between two looks.
      await app.tasks.update(taskId, (value) => ({ ...value, state: "Completed" }));
      return getStatus.call(noted.client, id);
    };
    await revive();
    expect(noted.started).toEqual([]);
    expect((await foundRound()).run).toBe("run000");
  });

  it("closes again a round whose task was not told", async () => {
    await put("InProgress", { round: 0 });
    await putRound({ state: "Completed" });
    noted.statuses.set(instance(0, "run000"), "Failed");
    await revive();
    await expectRun(0);
  });
});

describe("a crash", () => {
  /** The table client's writes, of which the n-th and all after it fail. */
  const dyingAfter = (writes: number): TestServices => {
    let left = writes;
    const dying = <T extends object>(store: T, ...methods: string[]): T =>
      new Proxy(store, {
        get(of, name) {
          const value = Reflect.get(of, name) as unknown;
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (methods.includes(String(name)) && left-- <= 0) throw new Error("killed");
            return value.apply(of, args);
          };
        },
      });
    return {
      ...app,
      tasks: dying(app.tasks, "update", "setActive", "setInactive", "insert"),
      rounds: dying(app.rounds, "insert", "change"),
    };
  };

  it.each([
    ["a new task", "Queued", undefined, 0],
    ["a finished task", "Completed", 0, 1],
    ["a failed task", "Failed", 0, 0],
  ] as const)(
    "at any step of starting %s leaves a task that goes on",
    async (_what, state, last, next) => {
      for (let writes = 0; writes < 7; writes++) {
        taskId = `sess0000-crash${++tests}`;
        noted = noteClient();
        await put(state, last === undefined ? {} : { round: last });
        if (last !== undefined)
          await putRound({ state: state === "Failed" ? "Failed" : "Completed" });
        // Tasks that are to start are active before they exist.
        if (state === "Queued") await app.tasks.setActive(taskId);
        await startRound(dyingAfter(writes), noted.client, taskId).catch(() => undefined);
        const begun = (await found()).state === "Queued";
        if (begun) expect(await active()).toBe(true);
        // By the timer if the task was queued, by whoever asks again if not.
        await (begun ? revive() : start());
        await expectRun(next, noted.started.length);
        expect(noted.started.length).toBeLessThanOrEqual(2);
      }
    },
  );
});

describe("a round of another agent group than its task's", () => {
  it.each(["Running", undefined])(
    "follows its task when its orchestration is %s: who moved the task was cut off",
    async (status) => {
      await put("InProgress", { round: 0, agentGroup: "paris" });
      await putRound();
      if (status) noted.statuses.set(instance(0, "run000"), status);
      await revive();
      expect(await foundRound()).toMatchObject({ state: "InProgress", agentGroup: "paris" });
    },
  );

  it("follows it when the task was moved while its round began", async () => {
    await put("Queued", { queued: { at: new Date().toISOString(), group: "default" } });
    const slow = {
      ...app,
      rounds: Object.assign(Object.create(app.rounds), {
        async insert(row: RoundRecord) {
          await app.tasks.update(taskId, (value) => ({ ...value, agentGroup: "paris" }));
          return app.rounds.insert(row);
        },
      }),
    };
    await beginRun(slow, noted.client, await found(), 0);
    expect(await foundRound()).toMatchObject({ agentGroup: "paris" });
  });
});
