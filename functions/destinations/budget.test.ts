/** The budget of requests over processes of the app that share nothing but a table, at a SharePoint that counts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { CallCounts } from "../../local/sharepoint/rest/throttle.ts";
import { type SharePoint, startSharePoint } from "../../local/sharepoint/server.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";

const LANES = 4;
const PER_MINUTE = 300;
let storage: TestStorage;
let sharePoint: SharePoint;
let data: string;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "budget-"));
  storage = await startStorage();
  sharePoint = await startSharePoint({
    ...{ data: join(data, "sharepoint"), log: () => undefined },
    libraries: [{ site: "finance", title: "Documents", folder: join(data, "library") }],
    faults: { callsPerMinute: PER_MINUTE, minuteSeconds: 5 },
  });
});
afterAll(async () => {
  await sharePoint.close();
  await storage.stop();
  rmSync(data, { recursive: true, force: true });
});

/** How a process ends that wants so many answers. */
async function processOf(table: string, answers: number): Promise<string> {
  const url = `${sharePoint.url}/sites/finance/_api/web?$select=Id`;
  const { connection } = storage;
  const script = new URL("../../test/support/budget-process.ts", import.meta.url).pathname;
  const input = JSON.stringify({ connection, table, url, answers, lanes: LANES });
  const child = spawn(process.execPath, [script, input], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, "close");
  return code === 0 ? "has all answers" : said;
}

async function counts(): Promise<CallCounts> {
  const answer = await fetch(`${sharePoint.url}/_simulator/calls`);
  return (await answer.json()) as CallCounts;
}

it("is kept: together they stop where it ends, and everybody gets all answers", async () => {
  const table = `${uniquePrefix()}Budget`;
  const answers = 400;
  const ends = await Promise.all([processOf(table, answers), processOf(table, answers)]);
  expect(ends).toEqual(Array(2).fill("has all answers"));
  const { calls, overBudget, lowMinutes } = await counts();
  expect(lowMinutes).toBeGreaterThan(0);
  expect(calls).toBe(2 * answers + overBudget);
  // Only what was on its way when the warning came may be too much.
  expect(overBudget).toBeLessThanOrEqual(2 * LANES * lowMinutes);
}, 120_000);

it("is one for all: what one process hears keeps the others from asking", async () => {
  await fetch(`${sharePoint.url}/_simulator/faults`, {
    method: "POST",
    body: JSON.stringify({ callsPerMinute: 40, minuteSeconds: 600 }),
  });
  const table = `${uniquePrefix()}Budget`;
  const throttled = /SharePoint asks to wait until/;
  expect(await processOf(table, 400)).toMatch(throttled);
  const { calls } = await counts();
  for (let process = 0; process < 2; process++)
    expect(await processOf(table, 1)).toMatch(throttled);
  expect((await counts()).calls).toBe(calls);
  // Who does not know it asks.
  expect(await processOf(`${uniquePrefix()}Budget`, 1)).toMatch(throttled);
  expect((await counts()).calls).toBe(calls + 1);
}, 120_000);
