import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { round, task } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { selectTasks } from "../tasks/selectTasks.ts";
import { aggregateReport } from "./aggregateReport.ts";
import { removeOldReports } from "./removeOldReports.ts";

const DAY_MS = 24 * 3600_000;
const SESSION = "sess0000";
const { app } = controlPlane();

beforeAll(async () => {
  await app.tasks.insertSession({ id: SESSION, name: "s", createdAt: new Date(0).toISOString() });
  for (const [index, name] of ["Finance", "Sales", "Waiting"].entries()) {
    const id = `${SESSION}-task000${index}`;
    const begun = name !== "Waiting";
    await app.tasks.insert(
      task({
        ...{ id, sessionId: SESSION, name, source: `/srv/${name}` },
        settings: name === "Sales" ? { reportDays: 400 } : {},
        createdAt: new Date(index * 1000).toISOString(),
        ...(begun && { round: 0, state: "Completed" }),
      }),
    );
    if (!begun) continue;
    const over = round({ taskId: id, state: "Completed", agents: [`agent of ${name}`] });
    await app.rounds.insert(over);
    const { number, state, startedAt, migrated, skipped, failed } = over;
    await app.tasks.update(id, (value) => ({
      ...value,
      lastRound: { number, state, startedAt, migrated, skipped, failed },
    }));
    await app.state.reports.getBlockBlobClient(`${id}/R0/ItemReport_R0.csv`).upload("x", 1);
  }
});

const names = async (selection: Parameters<typeof selectTasks>[2]) =>
  (await Array.fromAsync(selectTasks(app, SESSION, selection))).map(({ name }) => name);

describe("a selection of tasks", () => {
  it("has every task of the session when nothing narrows it", async () => {
    expect(await names({})).toEqual(["Finance", "Sales", "Waiting"]);
  });

  it("is narrowed by what tasks are and by who worked on them", async () => {
    expect(await names({ state: ["Completed"], agent: "OF SALES" })).toEqual(["Sales"]);
    expect(await names({ agent: "nobody" })).toEqual([]);
  });
});

describe("the aggregate report of a session", () => {
  it("has a row for each task, begun or not, and none for one that is gone", async () => {
    async function* tasks() {
      yield { id: `${SESSION}-task9999` };
      yield* selectTasks(app, SESSION, {});
    }
    const lines = (await text(aggregateReport(app, tasks()))).trimEnd().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain("Task name,Status,Source,Destination");
    expect(lines[1]).toMatch(/^Finance,Completed,/);
    expect(lines[3]).toMatch(/^Waiting,Queued,/);
  });

  it("has the last round of a task that waits for its next one", async () => {
    const id = `${SESSION}-task0000`;
    await app.tasks.update(id, (value) => ({ ...value, state: "Queued", round: 1 }));
    async function* tasks() {
      yield { id };
    }
    expect(await text(aggregateReport(app, tasks()))).toContain("agent of Finance");
  });

  it("fails rather than ending early", async () => {
    async function* tasks() {
      yield* selectTasks(app, SESSION, {});
      throw new Error("storage is gone");
    }
    await expect(text(aggregateReport(app, tasks()))).rejects.toThrow("storage is gone");
  });
});

describe("old reports", () => {
  const left = async () =>
    (await Array.fromAsync(app.state.reports.listBlobsFlat())).map(({ name }) => name);

  it("stay as long as their tasks unless somebody says otherwise", async () => {
    expect(await removeOldReports(app, Date.now() + 300 * DAY_MS)).toBe(0);
    expect(await left()).toHaveLength(2);
  });

  it("go when the settings of their task say so, and the audit trail knows", async () => {
    await app.tasks.updateSession(SESSION, (value) => ({ ...value, settings: { reportDays: 30 } }));
    expect(await removeOldReports(app, Date.now() + 29 * DAY_MS)).toBe(0);
    expect(await removeOldReports(app, Date.now() + 31 * DAY_MS)).toBe(1);
    expect(await left()).toEqual([`${SESSION}-task0001/R0/ItemReport_R0.csv`]);
    const { entries } = await app.audit.page({ limit: 10, task: `${SESSION}-task0000` });
    expect(entries[0]).toMatchObject({ action: "removeReport", role: "system" });
  });
});
