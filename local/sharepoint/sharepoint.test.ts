import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type SharePoint, startSharePoint } from "./server.ts";
import {
  type Azurite,
  type Client,
  client,
  removeFolder,
  startAzurite,
  type TargetIds,
  temporaryFolder,
  uploadExample,
} from "./test-support.ts";

let azurite: Azurite;
let folder: string;
let library: string;
let sharePoint: SharePoint;
let finance: Client;
let ids: TargetIds;

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await temporaryFolder();
  library = join(folder, "library");
  sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [{ site: "finance", title: "Documents", folder: library }],
    log: () => {},
  });
  finance = client(sharePoint.url, "finance");
  ids = await finance.ids();
});

afterAll(async () => {
  await sharePoint.close();
  await azurite.stop();
  await removeFolder(folder);
});

describe("importing the example package", () => {
  it("writes the files, their times and the record, and tells it in events", async () => {
    const pkg = await uploadExample(azurite.service, ids);
    const events = await finance.run(pkg, ids.webId);
    expect(events.map(({ Event }) => Event)).toEqual([
      "JobQueued",
      "JobLogFileCreate",
      "JobStart",
      "JobProgress",
      "JobEnd",
    ]);
    expect(events.at(-1)).toMatchObject({
      FilesCreated: "4",
      BytesProcessed: "86",
      FilesCreatedIrrespectiveOfVersions: "2",
      BytesProcessedOnlyCurrentVersion: "38",
      ObjectsProcessed: "9",
      TotalExpectedSPObjects: "9",
      TotalErrors: "0",
      TotalWarnings: "0",
    });
    expect(await readFile(join(library, "Reports/Budget 2025.xlsx"), "utf8")).toBe(
      "budget, final € 1000\n",
    );
    expect((await stat(join(library, "Reports/readme.txt"))).mtime).toEqual(
      new Date("2024-02-01T08:16:00Z"),
    );
    expect((await stat(join(library, "Reports"))).mtime).toEqual(new Date("2025-03-31T16:20:00Z"));
  });
});
