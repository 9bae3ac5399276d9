import { describe, expect, it } from "@jest/globals";
import { parseWorkId, workId } from "./refs.ts";

describe("ids of work items", () => {
  const some = { taskId: "sess0000-task0000", round: 12, run: "run000" };

  it("say everything that is needed to find the item", () => {
    for (const id of [
      workId(some, { kind: "scan" }),
      workId(some, { kind: "upload", segment: 7, attempt: 2 }),
    ])
      expect(parseWorkId(id.text)).toEqual(id);
  });

  it("take nothing of what they are made from along", () => {
    const id = workId({ ...some, issue: "x" } as typeof some, { kind: "scan" });
    expect(Object.keys(id).sort()).toEqual(["kind", "round", "run", "taskId", "text"]);
  });

  it("are short enough for instances and messages", () => {
    const long = workId(
      { ...some, round: 99_999 },
      { kind: "upload", segment: 999_999, attempt: 99 },
    );
    expect(`${long.text}:99`.length).toBeLessThanOrEqual(100);
  });

  it.each([
    "",
    "x",
    "sess0000-task0000.R0.run000",
    "sess0000-task0000.R0.run000.scan.1",
    "sess0000-task0000.R00.run000.scan",
    "sess0000-task0000.R0.run000.upload.7.1",
    "sess0000-task0000.R0.run000.upload.000007",
    "sess0000.R0.run000.scan",
    "sess0000-task0000.R0.run000.scan\n",
    "a'b-task0000.R0.run000.scan",
  ])("%j is none", (text) => expect(parseWorkId(text)).toBeUndefined());
});
