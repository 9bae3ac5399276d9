import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Store } from "./store.ts";
import { sleep, temporaryDirectory } from "./test-support.ts";

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => rmSync(directory, { recursive: true }));

const unexpected = (error: unknown) => {
  throw error;
};

describe("Store", () => {
  it("commits what was written in one turn together and tells afterwards, in order", async () => {
    const store = new Store(directory, unexpected);
    const told: string[] = [];
    store.write("remember", 1, "a", 10);
    store.afterCommit(() => told.push(`a ${store.seenMessagesOf(1).length}`));
    store.write("remember", 1, "b", 20);
    store.afterCommit(() => told.push("b"));
    expect(store.seenMessagesOf(1)).toEqual([]);
    await sleep(20);
    expect(told).toEqual(["a 2", "b"]);
    store.close();
  });

  it("acknowledges nothing after a commit that failed, and undoes that commit", async () => {
    const failures: unknown[] = [];
    const store = new Store(directory, (error) => failures.push(error));
    let acknowledged = 0;
    store.write("remember", 1, "a", 10);
    // The second queue of the same name breaks the transaction, as a full disk would.
    for (const id of [1, 2]) store.write("addQueue", id, "same");
    store.afterCommit(() => acknowledged++);
    await sleep(20);
    store.write("remember", 1, "b", 10);
    store.afterCommit(() => acknowledged++);
    await sleep(20);
    expect({ failures: failures.length, acknowledged }).toEqual({ failures: 1, acknowledged: 0 });
    store.close();
    const again = new Store(directory, unexpected);
    expect(again.seenMessagesOf(1)).toEqual([]);
    again.close();
  });

  it("writes what is left when it is closed, and gives the directory free", () => {
    const store = new Store(directory, unexpected);
    expect(() => new Store(directory, unexpected)).toThrow("in use by another Service Bus broker");
    store.write("remember", 1, "a", 10);
    store.close();
    const again = new Store(directory, unexpected);
    expect(again.seenMessagesOf(1)).toEqual([{ key: "a", forgetAt: 10 }]);
    again.close();
  });
});
