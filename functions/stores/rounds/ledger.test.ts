import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { comparePaths } from "../../../shared/rules/paths.ts";
import { NOON } from "../../../test/support/records.ts";
import { startStorage, type TestStorage } from "../../../test/support/storage.ts";
import { earlierOutcomes } from "./ledger.ts";
import {
  type LedgerIndex,
  readLedgerIndex,
  writeLedgerIndex,
  writeOutcomes,
} from "./roundBlobs.ts";

let storage: TestStorage;
let outcomes: ContainerClient;
let rounds = 0;

beforeAll(async () => {
  storage = await startStorage();
  outcomes = BlobServiceClient.fromConnectionString(storage.connection).getContainerClient("test");
  await outcomes.create();
});
afterAll(() => storage.stop());

const outcome = (path: string): Outcome => ({
  ...{ path, kind: "file", size: path.length, modified: NOON, created: NOON },
  ...{ result: "migrated", package: 0, id: `id of ${path}` },
});

/** Writes a finished round with these paths, cut into packages of this size. */
async function writeRound(paths: readonly string[], size: number) {
  const ref = { taskId: "sess0000-task0000", round: rounds++ };
  const index: LedgerIndex = [];
  for (let segment = 0; segment * size < paths.length; segment++) {
    const part = paths.slice(segment * size, (segment + 1) * size);
    await writeOutcomes(outcomes, ref, segment, part.map(outcome));
    index.push({ segment, first: part[0] as string, last: part.at(-1) as string });
  }
  await writeLedgerIndex(outcomes, ref, index);
  return ref;
}

const segmentName = fc.constantFrom("a", "b", "B", "ä", "a b", "a.txt", "\u{1f600}", "\uffee", "-");
const path = fc.array(segmentName, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const walk = fc.uniqueArray(path, { maxLength: 60 }).map((paths) => paths.sort(comparePaths));

describe("the ledger", () => {
  it("finds what a map would find, however both rounds are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        walk,
        walk,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        async (before, now, oldSize, newSize) => {
          const ref = await writeRound(before, oldSize);
          const naive = new Map(before.map((each) => [each, outcome(each)]));
          const found = new Map<string, Outcome>();
          for (let start = 0; start < now.length; start += newSize) {
            const segment = now.slice(start, start + newSize);
            const part = await earlierOutcomes(outcomes, ref, segment);
            for (const [key, value] of part) {
              expect(segment).toContain(key);
              found.set(key, value);
            }
          }
          const expected = now.flatMap((each) => {
            const value = naive.get(each);
            return value ? [[each, value] as const] : [];
          });
          expect([...found].sort(([a], [b]) => comparePaths(a, b))).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("reads only the packages whose range overlaps", async () => {
    const paths = Array.from({ length: 40 }, (_, n) => `f${n.toString().padStart(2, "0")}`);
    const ref = await writeRound(paths, 10);
    // Were it read, its absence would be an error.
    await outcomes.getBlobClient(`sess0000-task0000/R${ref.round}/000000.jsonl.gz`).delete();
    await outcomes.getBlobClient(`sess0000-task0000/R${ref.round}/000003.jsonl.gz`).delete();
    const found = await earlierOutcomes(outcomes, ref, ["f10", "f19x", "f29"]);
    expect([...found.keys()]).toEqual(["f10", "f29"]);
    await expect(earlierOutcomes(outcomes, ref, ["f05"])).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  it("has nothing for no paths, and for a round without packages", async () => {
    expect(await earlierOutcomes(outcomes, await writeRound(["a"], 1), [])).toEqual(new Map());
    expect(await earlierOutcomes(outcomes, await writeRound([], 1), ["a"])).toEqual(new Map());
  });

  it("cannot be used when its index is missing: nothing would be known, and all migrated again", async () => {
    const ref = { taskId: "sess0000-task0000", round: 9_999 };
    await expect(earlierOutcomes(outcomes, ref, ["a"])).rejects.toThrow("has no index");
    await writeLedgerIndex(outcomes, ref, []);
    expect(await readLedgerIndex(outcomes, ref)).toEqual([]);
    expect(await earlierOutcomes(outcomes, ref, ["a"])).toEqual(new Map());
  });
});
