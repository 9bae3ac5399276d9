import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import yauzl from "yauzl";
import type { ReportChoice } from "../../../shared/contracts/reports.ts";
import { startStorage, type TestStorage } from "../../../test/support/storage.ts";
import { zipReports } from "./reportArchive.ts";

let storage: TestStorage;
let reports: ContainerClient;

const REPORTS = {
  "sess0000-task0001/R0/ItemReport_R0.csv": "items of round 0",
  "sess0000-task0001/R0/ItemSummary_R0.csv": "summary of round 0",
  "sess0000-task0001/R1/ItemReport_R1.csv": "items of round 1",
  "sess0000-task0001/R1/ItemFailureReport_R1.csv": "failures of round 1",
  "sess0000-task0001/R1/ItemSummary_R1.csv": "summary of round 1",
  "sess0000-task00012/R0/ItemReport_R0.csv": "of a task whose id begins alike",
  "sess0000-task0003/R0/ItemReport_R0.csv": "ß".repeat(300_000),
};

beforeAll(async () => {
  storage = await startStorage();
  reports = BlobServiceClient.fromConnectionString(storage.connection).getContainerClient(
    "archive",
  );
  await reports.createIfNotExists();
  for (const [name, content] of Object.entries(REPORTS))
    await reports.getBlockBlobClient(name).upload(content, Buffer.byteLength(content));
});
afterAll(() => storage.stop());

async function zipped(choice: Partial<ReportChoice>, ...tasks: { id: string; name: string }[]) {
  async function* all() {
    yield* tasks;
  }
  const zip = await zipReports(reports, all(), { rounds: "latest", reports: "all", ...choice });
  return buffer(zip as Readable);
}

async function contents(archive: Buffer): Promise<Record<string, string>> {
  const zip = await yauzl.fromBufferPromise(archive, { lazyEntries: true });
  const found: Record<string, string> = {};
  for await (const entry of zip.eachEntry())
    found[entry.fileName] = await text(await zip.openReadStreamPromise(entry));
  return found;
}

const finance = { id: "sess0000-task0001", name: "Finance" };

describe("an archive of reports", () => {
  it("has a folder per task and round, and what the reports say", async () => {
    expect(await contents(await zipped({}, finance))).toEqual({
      "Finance (sess0000-task0001)/R1/ItemReport_R1.csv": "items of round 1",
      "Finance (sess0000-task0001)/R1/ItemFailureReport_R1.csv": "failures of round 1",
      "Finance (sess0000-task0001)/R1/ItemSummary_R1.csv": "summary of round 1",
    });
  });

  it("has all rounds when asked for", async () => {
    const names = Object.keys(await contents(await zipped({ rounds: "all" }, finance)));
    expect(names).toHaveLength(5);
  });

  it.each([
    ["summaries", ["ItemSummary_R1.csv"]],
    ["failures", ["ItemFailureReport_R1.csv", "ItemSummary_R1.csv"]],
  ] as const)("of %s leaves the rest out", async (choice, expected) => {
    const names = Object.keys(await contents(await zipped({ reports: choice }, finance)));
    expect(names.map((name) => name.split("/").at(-1))).toEqual(expected);
  });

  it("of several tasks keeps apart those of the same name, whatever characters it has", async () => {
    const name = 'a/b\\c:"d"?. ';
    const ids = ["sess0000-task0003", "sess0000-task00012", "sess0000-task0004"];
    const found = await contents(await zipped({}, ...ids.map((id) => ({ id, name }))));
    expect(Object.keys(found)).toEqual([
      "a_b_c__d__ (sess0000-task0003)/R0/ItemReport_R0.csv",
      "a_b_c__d__ (sess0000-task00012)/R0/ItemReport_R0.csv",
    ]);
    expect(Object.values(found)[0]).toBe("ß".repeat(300_000));
  });

  it("fails as a whole when one of them cannot be read", async () => {
    const id = "sess0000-task0009";
    const report = reports.getBlockBlobClient(`${id}/R0/ItemReport_R0.csv`);
    await report.upload("x", 1);
    // It is in the list, but its content cannot be had at once.
    await report.setAccessTier("Archive");
    await expect(zipped({}, finance, { id, name: "late" })).rejects.toThrow();
  });
});
