import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { noFaults } from "./faults.ts";
import { type SharePoint, startSharePoint } from "./server.ts";
import {
  type Azurite,
  removeFolder,
  startAzurite,
  temporaryFolder,
  until,
} from "./testing/azurite.ts";
import { type Client, client, type TargetIds } from "./testing/client.ts";
import { packageOf } from "./testing/package-builder.ts";

let azurite: Azurite;
let folder: string;
let sharePoint: SharePoint;
let finance: Client;
let ids: TargetIds;

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await temporaryFolder();
  sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [{ site: "finance", title: "Documents", folder: join(folder, "library") }],
    storage: azurite.connectionString,
    concurrency: 2,
    log: () => {},
  });
  finance = client(sharePoint.url, "finance");
  ids = await finance.ids();
});

beforeEach(async () => void (await setFaults({ ...noFaults })));

afterAll(async () => {
  await sharePoint.close();
  await azurite.stop();
  await removeFolder(folder);
});

async function setFaults(changes: object) {
  const response = await fetch(`${sharePoint.url}/_simulator/faults`, {
    method: "POST",
    body: JSON.stringify(changes),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const oneFile = () => packageOf(azurite.service, ids, { files: [{ path: `${randomUUID()}.txt` }] });
const stateOf = async (id: string) =>
  (await finance.post("/_api/site/GetMigrationJobStatus", { id })).body.value;
const remove = async (id: string) =>
  (await finance.post("/_api/site/DeleteMigrationJob", { id })).body.value;
const submit = async () => (await finance.submit(await oneFile(), ids.webId)).body.value as string;

describe("the life of a job", () => {
  it("is queued, then gone: an ended job and an unknown one are both None", async () => {
    await setFaults({ startDelayMs: 300 });
    const id = await submit();
    expect(await stateOf(id)).toBe(2);
    await finance.follow(id);
    expect(await stateOf(id)).toBe(0);
    expect(await stateOf(randomUUID())).toBe(0);
  });

  it("pages its events by token, the same page for the same token", async () => {
    const id = await submit();
    const all = await finance.follow(id);
    const first = await finance.events(id);
    expect(first.events).toEqual(all);
    expect(await finance.events(id)).toEqual(first);
    expect(await finance.events(id, first.token)).toEqual({ events: [], token: first.token });
  });

  it("answers for a job it does not know as Microsoft documents it", async () => {
    const { status, body } = await finance.call(
      `/_api/site/GetMigrationJobProgress(jobId=guid'${randomUUID()}',nextToken=0)`,
    );
    expect(status).toBe(500);
    expect(body).toMatchObject({
      error: {
        code: "-2147213145, Microsoft.SharePoint.SPException",
        innererror: { message: "Job not found" },
        message: { lang: "en-US", value: "Job not found" },
      },
    });
  });

  it("can be deleted while it waits, and only then and once", async () => {
    await setFaults({ startDelayMs: 60_000 });
    const id = await submit();
    expect(await remove(id)).toBe(true);
    expect((await finance.events(id)).events.map(({ Event }) => Event)).toEqual([
      "JobQueued",
      "JobDeleted",
    ]);
    expect(await remove(id)).toBe(false);
    expect(await stateOf(id)).toBe(0);
  });

  it("can be deleted while it runs", async () => {
    const pkg = await packageOf(azurite.service, ids, {
      files: Array.from({ length: 1500 }, (_, n) => ({ path: `run ${n}.txt`, archive: 0 })),
      listItems: false,
    });
    const id = (await finance.submit(pkg, ids.webId)).body.value;
    await until(async () =>
      (await finance.events(id)).events.some(({ Event }) => Event === "JobProgress"),
    );
    expect(await remove(id)).toBe(true);
    const events = await finance.follow(id);
    expect(events.slice(-2)).toMatchObject([
      { Event: "JobCancelled", CancelledByUser: "true" },
      { Event: "JobDeleted" },
    ]);
    await finance.call("/_api/web/lists/getByTitle('Documents')/RootFolder/Files");
    const record = await finance.record();
    expect(record.every(({ state, origin }) => `${state} ${origin}` === "present imported")).toBe(
      true,
    );
    const files = await readdir(join(folder, "library"));
    expect(files.sort()).toEqual(record.map(({ path }) => path).sort());
  });

  it("waits while as many as allowed run in its site collection", async () => {
    const jobs = await Promise.all(Array.from({ length: 6 }, submit));
    let most = 0;
    await until(async () => {
      const states = await Promise.all(jobs.map(stateOf));
      most = Math.max(most, states.filter((state) => state === 4).length);
      return states.every((state) => state === 0);
    });
    expect(most).toBeLessThanOrEqual(2);
    for (const id of jobs) expect((await finance.events(id)).events.at(-1)?.TotalErrors).toBe("0");
  });
});

describe("containers that SharePoint provides", () => {
  it("take a package with read and write, and are listed only by SharePoint itself", async () => {
    const { body } = await finance.post("/_api/site/ProvisionMigrationContainers", {});
    expect(new URL(body.DataContainerUri).searchParams.get("sp")).toBe("rw");
    const key = Buffer.from(body.EncryptionKey, "base64");
    expect(key).toHaveLength(32);
    const made = await oneFile();
    const copy = async (from: string, to: string) => {
      const { ContainerClient } = await import("@azure/storage-blob");
      const source = new ContainerClient(from);
      const target = new ContainerClient(to);
      for await (const blob of source.listBlobsFlat({ includeMetadata: true })) {
        const bytes = await source.getBlobClient(blob.name).downloadToBuffer();
        const copied = target.getBlockBlobClient(blob.name);
        await copied.uploadData(bytes, { metadata: blob.metadata ?? {} });
        await copied.createSnapshot();
      }
      await expect(target.listBlobsFlat().next()).rejects.toMatchObject({ statusCode: 403 });
    };
    await copy(made.uris().data, body.DataContainerUri);
    await copy(made.uris().metadata, body.MetadataContainerUri);
    const submitted = await finance.submit(made, ids.webId, {
      azureContainerSourceUri: body.DataContainerUri,
      azureContainerManifestUri: body.MetadataContainerUri,
    });
    const events = await finance.follow(submitted.body.value);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", FilesCreated: "1" });
  });

  it("cannot report to a queue", async () => {
    expect((await finance.post("/_api/site/ProvisionMigrationQueue", {})).status).toBe(501);
    const pkg = await oneFile();
    const { status } = await finance.submit(pkg, ids.webId, { azureQueueReportUri: "https://q" });
    expect(status).toBe(501);
  });
});

describe("faults", () => {
  it("are changed at run time, and unknown ones refused", async () => {
    expect((await setFaults({ throttleRate: 0.5 })).body).toMatchObject({ throttleRate: 0.5 });
    expect((await setFaults({ throttleRate: 2 })).status).toBe(400);
    expect((await setFaults({ nonsense: 1 })).status).toBe(400);
  });

  it("throttle with 429 and Retry-After", async () => {
    await setFaults({ throttleRate: 1, retryAfterSeconds: 7 });
    const { status, headers } = await finance.call("/_api/web");
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("7");
  });

  it("postpone a job once", async () => {
    await setFaults({ postponeMs: 100 });
    const events = await finance.follow(await submit());
    expect(events.map(({ Event }) => Event).slice(0, 3)).toEqual([
      "JobQueued",
      "JobPostponed",
      "JobLogFileCreate",
    ]);
    expect(events[1]?.NextPickupTime).toMatch(/^\d\d\/\d\d\/\d{4} /);
  });

  it("drop JobEnd: only the status says that the job is over", async () => {
    await setFaults({ dropJobEnd: true });
    const id = await submit();
    await until(async () => (await stateOf(id)) === 0);
    await delay(50);
    const { events } = await finance.events(id);
    expect(events.map(({ Event }) => Event)).not.toContain("JobEnd");
    expect(events.at(-1)?.Event).toBe("JobProgress");
  });

  it("fail items at random", async () => {
    await setFaults({ itemErrorRate: 0.3 });
    const pkg = await packageOf(azurite.service, ids, {
      files: Array.from({ length: 100 }, (_, n) => ({ path: `random ${n}.txt`, archive: 0 })),
      listItems: false,
    });
    const last = (await finance.run(pkg, ids.webId)).at(-1);
    expect(last?.Event).toBe("JobEnd");
    expect(Number(last?.TotalErrors)).toBeGreaterThan(5);
    expect(Number(last?.TotalErrors) + Number(last?.FilesCreated)).toBe(100);
  });
});
