import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { EventType, newEvent } from "./history.ts";
import { Mailboxes, post } from "./mailboxes.ts";
import { Store } from "./store.ts";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 0, 15, 12);

let directory: string;
let store: Store;
let mailboxes: Mailboxes;
let heard: string[];
beforeEach(() => {
  jest.useFakeTimers({ now: NOON, doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
  directory = mkdtempSync(path.join(os.tmpdir(), "mailboxes-"));
  store = new Store(path.join(directory, "host.db"));
  heard = [];
  mailboxes = new Mailboxes(store, (target) => heard.push(target));
  mailboxes.start();
});
afterEach(() => {
  mailboxes.stop();
  store.close();
  rmSync(directory, { recursive: true });
  jest.useRealTimers();
});

async function sendDueIn(target: string, delay: number): Promise<void> {
  const due = Date.now() + delay;
  const event = newEvent({ EventType: EventType.OrchestratorStarted }, due);
  mailboxes.deliver([await store.commit(() => post(store, target, event, { due }))]);
}

it("delivers what is due, neither before nor twice", async () => {
  await sendDueIn("later", 2 * HOUR);
  await sendDueIn("soon", HOUR);
  jest.advanceTimersByTime(HOUR - 1);
  expect(heard).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(heard).toEqual(["soon"]);
  jest.advanceTimersByTime(2 * HOUR);
  expect(heard).toEqual(["soon", "later"]);
});

it("notices within a minute that the machine slept past the time", async () => {
  await sendDueIn("woken", HOUR);
  // A sleeping machine stops the clock of timers, and the time of day goes on.
  jest.setSystemTime(NOON + 2 * HOUR);
  jest.advanceTimersByTime(60_000);
  expect(heard).toEqual(["woken"]);
});

it("waits as long as it should after the clock was set back", async () => {
  jest.setSystemTime(NOON - HOUR);
  await sendDueIn("patient", 60_000);
  expect(heard).toEqual([]);
  jest.advanceTimersByTime(59_000);
  expect(heard).toEqual([]);
  jest.advanceTimersByTime(2_000);
  expect(heard).toEqual(["patient"]);
});
