import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { Store } from "./store.ts";

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "store-"));
  store = new Store(path.join(directory, "host.db"));
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const write = (key: string) => () => {
  store.writeValue(key, key);
  return key;
};

it("undoes a unit that throws, and only that one", async () => {
  const failing = () => {
    write("b")();
    throw new Error("no");
  };
  const results = await Promise.allSettled([
    store.commit(write("a")),
    store.commit(failing),
    store.commit(write("c")),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(["a", "b", "c"].map((key) => store.readValue(key))).toEqual(["a", undefined, "c"]);
});

it("rejects every unit of a group that cannot be committed", async () => {
  store.run("PRAGMA query_only=1");
  const results = await Promise.allSettled([store.commit(write("a")), store.commit(write("b"))]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  store.run("PRAGMA query_only=0");
  await store.commit(write("c"));
  expect(["a", "c"].map((key) => store.readValue(key))).toEqual([undefined, "c"]);
});

it("keeps what was committed", async () => {
  await store.commit(write("a"));
  store.close();
  store = new Store(path.join(directory, "host.db"));
  expect(store.readValue("a")).toBe("a");
});
