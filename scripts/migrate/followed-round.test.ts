import { expect, it } from "@jest/globals";
import { explainSettings } from "../../functions/domain/settings.ts";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import { ApiProblem } from "./api.ts";
import { followRound } from "./followed-round.ts";
import { roundView } from "./test-support.ts";

const task = (number: number, state: "InProgress" | "Completed", id = "t1"): TaskView => ({
  id,
  sessionId: "s1",
  name: "share",
  source: "/share",
  destination: { siteUrl: "http://site", library: "Documents", folder: "" },
  agentGroup: "default",
  settings: {},
  tags: [],
  effective: explainSettings({}),
  state,
  createdAt: "2026-01-01T00:00:00.000Z",
  round: roundView({ number, state }),
});

const problem = (status: number) =>
  new ApiProblem({ type: "t", title: "t", status, code: "C", detail: "d", remedy: "r" });

/** What storage knows of the tasks, and what was begun. */
function control(...rounds: (TaskView | Error)[]) {
  const stored = new Map<string, TaskView>();
  const begun: (TaskView | Error)[] = [];
  const begin = async () => {
    const next = rounds[begun.length] as TaskView | Error;
    begun.push(next);
    if (next instanceof Error) throw next;
    stored.set(next.id, next);
    return next;
  };
  const getTask = async (id: string) => {
    const found = stored.get(id);
    if (!found) throw problem(404);
    return found;
  };
  return { stored, begun, begin, api: { getTask } };
}

it("gives the round as it is now", async () => {
  const { stored, begin, api } = control(task(1, "InProgress"));
  const followed = await followRound(api, begin);
  expect(followed.begun.round?.number).toBe(1);
  stored.set("t1", task(1, "Completed"));
  expect((await followed.look())?.round.state).toBe("Completed");
});

it("does not take an older round for the one that was begun", async () => {
  const { stored, begun, begin, api } = control(task(1, "InProgress"), task(1, "InProgress"));
  const followed = await followRound(api, begin);
  stored.set("t1", task(0, "Completed"));
  expect(await followed.look()).toBeUndefined();
  followed.resume();
  expect((await followed.look())?.round).toMatchObject({ number: 1, state: "InProgress" });
  expect(begun.length).toBe(2);
});

it("follows the task that takes the place of one that was forgotten", async () => {
  const { stored, begin, api } = control(task(0, "InProgress"), task(0, "InProgress", "t2"));
  const followed = await followRound(api, begin);
  stored.clear();
  expect(await followed.look()).toBeUndefined();
  followed.resume();
  expect((await followed.look())?.task.id).toBe("t2");
});

it("does not begin a round again that has ended meanwhile", async () => {
  const { stored, begun, begin, api } = control(task(1, "InProgress"));
  const followed = await followRound(api, begin);
  stored.set("t1", task(1, "Completed"));
  followed.resume();
  expect((await followed.look())?.round.state).toBe("Completed");
  expect(begun.length).toBe(1);
});

it("leaves the round alone that the control plane is beginning itself, and throws what else went wrong", async () => {
  const { begin, api } = control(task(1, "InProgress"), problem(409), problem(500));
  const followed = await followRound(api, begin);
  followed.resume();
  expect((await followed.look())?.round.number).toBe(1);
  followed.resume();
  await expect(followed.look()).rejects.toThrow("d");
});
