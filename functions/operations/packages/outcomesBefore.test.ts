import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { NOON, round } from "../../../test/support/records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../../test/support/storage.ts";
import { writeLedgerIndex, writeOutcomes } from "../../stores/rounds/roundBlobs.ts";
import { RoundStore } from "../../stores/rounds.ts";
import { openTable } from "../../stores/storage/documents.ts";
import { outcomesBefore } from "./outcomesBefore.ts";

let storage: TestStorage;
let rounds: RoundStore;
let outcomes: ContainerClient;
let taskId: string;
let tests = 0;

beforeAll(async () => {
  storage = await startStorage();
  rounds = new RoundStore(await openTable(storage.connection, uniquePrefix()));
  outcomes = BlobServiceClient.fromConnectionString(storage.connection).getContainerClient("test");
  await outcomes.create();
});
afterAll(() => storage.stop());
beforeEach(() => {
  taskId = `sess0000-task${tests++}`;
});

const migrated = (path: string, kind: Outcome["kind"], number: number): Outcome => ({
  ...{ path, kind, size: 1, modified: NOON, created: NOON, package: 0, result: "migrated" },
  arrived: { modified: NOON, size: 1, round: number },
});
const unreadable = (path: string, kind: Outcome["kind"] = "folder"): Outcome => ({
  ...{ path, kind, size: 0, modified: NOON, created: NOON, package: 0, result: "failed" },
  issue: { code: "SOURCE_ACCESS_DENIED", message: "EACCES (scandir)" },
});

/** A round that has ended, compared with the one before it. */
async function end(number: number, ...lines: Outcome[]): Promise<void> {
  const ledger = number > 0 ? { ledgerRound: number - 1 } : {};
  await rounds.insert(round({ taskId, number, state: "Completed", ...ledger }));
  const ref = { taskId, round: number };
  await writeOutcomes(outcomes, ref, 0, lines);
  const [first, last] = [lines[0]?.path ?? "", lines.at(-1)?.path ?? ""];
  await writeLedgerIndex(outcomes, ref, [{ segment: 0, first, last }]);
}

async function known(number: number | undefined, ...paths: string[]) {
  const app = { rounds, state: { outcomes, plans: outcomes, reports: outcomes } };
  const found = await outcomesBefore(app, { taskId, round: number }, paths);
  return Object.fromEntries([...found].map(([path, { arrived }]) => [path, arrived?.round]));
}

const first = () =>
  end(
    0,
    migrated("a", "folder", 0),
    migrated("a/b", "folder", 0),
    migrated("a/b/c", "file", 0),
    migrated("d", "file", 0),
  );
const PATHS = ["a", "a/b", "a/b/c", "d", "e"];

describe("what earlier rounds say", () => {
  it("is nothing before the first", async () => {
    expect(await known(undefined, ...PATHS)).toEqual({});
  });

  it("is what the last one says", async () => {
    await first();
    expect(await known(0, ...PATHS)).toEqual({ a: 0, "a/b": 0, "a/b/c": 0, d: 0 });
  });

  it("is what the ones before say of a folder that could not be read, also for several rounds", async () => {
    await first();
    await end(1, { ...unreadable("a"), arrived: { modified: NOON, size: 0, round: 0 } });
    await end(2, unreadable("a", "other"));
    expect(await known(2, ...PATHS)).toEqual({ a: undefined, "a/b": 0, "a/b/c": 0 });
    // Also when the folder itself came with an earlier segment, or deeper down.
    expect(await known(2, "a", "a/b", "a/b/c")).toMatchObject({ "a/b/c": 0 });
  });

  it("is nothing of what was deleted at the source", async () => {
    await first();
    await end(1, migrated("a", "folder", 0), migrated("d", "file", 0));
    expect(await known(1, ...PATHS)).toEqual({ a: 0, d: 0 });
  });

  it("ends where a round of long ago has been removed", async () => {
    await first();
    await end(1, unreadable("a"));
    await outcomes.getBlobClient(`${taskId}/R0/index.json.gz`).delete();
    expect(await known(1, ...PATHS)).toEqual({ a: undefined });
  });
});
