import { describe, expect, it } from "@jest/globals";
import { task as newTask } from "../../../test/support/records.ts";
import { withStateChange } from "./stateChanges.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("a change of a task's state", () => {
  it("is noted in its row, numbered", () => {
    const task = newTask();
    const next = withStateChange(task, { ...task, state: "InProgress" }, NOW);
    const at = "2026-01-01T00:00:00.000Z";
    expect(next.changes).toEqual([{ n: 1, from: task.state, to: "InProgress", at }]);
    const last = withStateChange(next, { ...next, state: "Completed" }, NOW);
    expect(last.changes?.[1]).toEqual({ n: 2, from: "InProgress", to: "Completed", at });
  });

  it("is none when the state stays", () => {
    const task = newTask();
    expect(withStateChange(task, { ...task, name: "other" }, NOW).changes).toBeUndefined();
  });

  it("is forgotten after eight others, its number is not used again", () => {
    let task = newTask();
    for (let n = 0; n < 20; n++)
      task = withStateChange(task, { ...task, state: n % 2 ? "Queued" : "Failed" }, NOW);
    expect(task.changes?.map(({ n }) => n)).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  });
});
