import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { file, folder, planInput } from "../../../test/support/records.ts";
import { startStorage, type TestStorage } from "../../../test/support/storage.ts";
import { planSegment } from "../../domain/packages/plan.ts";
import { writeLines } from "../storage/lines.ts";
import {
  listRoundBlobs,
  readPlan,
  readSegment,
  readUpload,
  writeOutcomes,
  writePlan,
  writeUpload,
} from "./roundBlobs.ts";

let storage: TestStorage;
let container: ContainerClient;

beforeAll(async () => {
  storage = await startStorage();
  container = BlobServiceClient.fromConnectionString(storage.connection).getContainerClient("test");
  await container.create();
});
afterAll(() => storage.stop());

const ref = { taskId: "sess0000-task0000", round: 2, run: "run000", segment: 12 };
const plan = planSegment(planInput({ open: [folder("a")], entries: [file("a/f")] }));
const upload = (size: number) => ({
  ...{ kind: "upload" as const, archives: [] },
  files: [
    {
      status: "failed" as const,
      index: 0,
      issue: { code: "FILE_VANISHED" as const, message: `${size}` },
    },
  ],
});

describe("the blobs of a round", () => {
  it("keep plans by attempt, and uploads by attempt and epoch", async () => {
    await writePlan(container, ref, 1, plan);
    await writeUpload(container, ref, 1, 1, upload(1));
    await writeUpload(container, ref, 1, 2, upload(2));
    expect(await readPlan(container, ref, 1)).toEqual(plan);
    expect(await readPlan(container, ref, 2)).toBeUndefined();
    expect(await readUpload(container, ref, { attempt: 1, uploadEpoch: 2 })).toEqual(upload(2));
    expect(await readUpload(container, ref, { attempt: 2, uploadEpoch: 2 })).toBeUndefined();
    // Nobody has said yet whose result counts.
    expect(await readUpload(container, ref, { attempt: 1 })).toBeUndefined();
  });

  it("are found again by what they are", async () => {
    await writeOutcomes(container, ref, 3, []);
    const blobs = await listRoundBlobs(container, ref);
    expect([blobs.plan(12, 1), blobs.plan(12, 2), blobs.plan(1, 1)]).toEqual([true, false, false]);
    expect([blobs.upload(12, 1, 2), blobs.upload(12, 1, 3)]).toEqual([true, false]);
    expect([blobs.outcomes(3), blobs.outcomes(12)]).toEqual([true, false]);
    const otherRound = await listRoundBlobs(container, { ...ref, round: 20 });
    expect(otherRound.plan(12, 1)).toBe(false);
  });

  it("hold segments as agents write them", async () => {
    const header = { version: 1, segment: 0, open: [folder("a")] };
    await writeLines(container, "good.jsonl.gz", [header, file("a/f"), file("a/g")]);
    expect(await readSegment(container, "good.jsonl.gz")).toEqual({
      ...{ open: [folder("a")], entries: [file("a/f"), file("a/g")] },
    });
    await writeLines(container, "bad.jsonl.gz", [header, { path: "" }]);
    await expect(readSegment(container, "bad.jsonl.gz")).rejects.toThrow(/path/);
    await writeLines(container, "headless.jsonl.gz", []);
    await expect(readSegment(container, "headless.jsonl.gz")).rejects.toThrow();
  });
});
