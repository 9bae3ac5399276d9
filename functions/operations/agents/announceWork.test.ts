import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { round, target, task } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { withdrawn } from "../../domain/agents/workItems.ts";
import type { WorkRecord } from "../../domain/records.ts";
import type { WorkQueues } from "../../queues/workQueues.ts";
import { workId } from "../../stores/rounds/refs.ts";
import { viewTask } from "../tasks/viewTask.ts";
import { announceWork } from "./announceWork.ts";

const ref = { taskId: "sess0000-task0000", round: 0, run: "run000" };
const id = workId(ref, { kind: "scan" });
/** Of an app whose policy may only send. */
let queues: WorkQueues;
// Before Service Bus ends.
afterAll(() => queues.close());
const { app } = controlPlane();

beforeAll(async () => {
  const { WorkQueues } = await import("../../queues/workQueues.ts");
  const connection = app.config.SERVICE_BUS_CONNECTION.replaceAll("manage", "send");
  queues = new WorkQueues({ ...app.config, SERVICE_BUS_CONNECTION: connection });

  await app.tasks.insert(
    task({ id: ref.taskId, agentGroup: "oslo", round: 0, state: "InProgress" }),
  );
  await app.rounds.insert(round({ ...ref, agentGroup: "oslo" }));
  await app.rounds.openRound(ref, (value) => ({ ...value, target: target() }));
  await app.rounds.insertWork({
    ...{ id: id.text, kind: "scan", taskId: ref.taskId, round: 0, run: ref.run, group: "oslo" },
    ...{ instance: "waits", state: "queued", epoch: 1, lost: 0, offeredAt: "now" },
    progress: { items: 0, bytes: 0 },
  });
});

const row = async () => (await app.rounds.findWork(id)) as WorkRecord;
const waitingFor = async () => (await viewTask(app, ref.taskId)).waitingFor;

it("notes that the group has no queue, and the task says so", async () => {
  await announceWork({ ...app, queues }, await row());
  expect(await waitingFor()).toEqual({
    reason: expect.stringContaining("Service Bus has no queue work-oslo"),
    remedy: expect.stringContaining("the Manage claim"),
  });
});

it("sends the message when the queue is there, and the task waits for agents only", async () => {
  await app.queues.ensure("oslo");
  await announceWork({ ...app, queues }, await row());
  expect(await app.messages("work-oslo")).toEqual([{ version: 1, workItem: id.text, epoch: 1 }]);
  expect(await row()).not.toHaveProperty("unannounced");
  expect((await waitingFor())?.reason).toBe("group oslo has no agent");
});

it("leaves a row alone that has gone on meanwhile", async () => {
  const old = { ...(await row()), group: "bergen" };
  await app.rounds.changeWork(id, (work) => withdrawn({ ...work, epoch: 2 }));
  await announceWork({ ...app, queues }, old);
  expect(await row()).toMatchObject({ state: "cancelled", epoch: 2 });
  expect(await row()).not.toHaveProperty("unannounced");
});
