import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { ContainerClient } from "@azure/storage-blob";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { simulatedSite } from "../../test/support/simulatedSite.ts";
import { noFaults } from "./faults.ts";
import type { JobEvent } from "./import/events.ts";
import { packageOf } from "./testing/package-builder.ts";
import { until } from "./testing/waiting.ts";

const { azurite, sharePoint, finance, ids, at } = simulatedSite({ lends: true, concurrency: 2 });

beforeEach(async () => void (await setFaults({ ...noFaults })));

async function setFaults(changes: object) {
  const response = await fetch(`${sharePoint.url}/_simulator/faults`, {
    method: "POST",
    body: JSON.stringify(changes),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface ProvidedContainers {
  DataContainerUri: string;
  MetadataContainerUri: string;
  EncryptionKey: string;
}

const byTime = (a: JobEvent, b: JobEvent) =>
  `${a.Time}${a.Event}`.localeCompare(`${b.Time}${b.Event}`);
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

  it("is told in nometadata and in verbose JSON", async () => {
    const id = await submit();
    await finance.follow(id);
    const headers = { accept: "application/json;odata=verbose" };
    const status = await finance.post("/_api/site/GetMigrationJobStatus", { id }, { headers });
    expect(status.body).toEqual({ d: { GetMigrationJobStatus: 0 } });
    const url = `/_api/site/GetMigrationJobProgress(jobId='${id}',nextToken=0)`;
    const plain = await finance.call(url);
    const verbose = await finance.call(url, { headers });
    expect(verbose.body.d.GetMigrationJobProgress).toEqual({
      __metadata: { type: "SP.MigrationJobProgress" },
      Logs: { __metadata: { type: "Collection(Edm.String)" }, results: plain.body.Logs },
      NextToken: plain.body.NextToken,
    });
    const all = await finance.post("/_api/site/GetMigrationStatus", {});
    expect(all.body.value).toContainEqual({ JobId: id, JobState: 0 });
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
    const files = await readdir(at("library"));
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

describe("containers and queues that SharePoint provides", () => {
  const provision = async (name: string) =>
    (await finance.post(`/_api/site/Provision${name}`, {})).body;

  it("are read and written, but not listed, and serve one job", async () => {
    const provided = (await provision("MigrationContainers")) as ProvidedContainers;
    const data = new URL(provided.DataContainerUri);
    expect(data.searchParams.get("sp")).toBe("rw");
    expect(Buffer.from(provided.EncryptionKey, "base64")).toHaveLength(32);
    const listed = new ContainerClient(data.href).listBlobsFlat().next();
    await expect(listed).rejects.toMatchObject({ statusCode: 403 });

    const files = [{ path: `${randomUUID()}.txt` }];
    const pkg = await packageOf(azurite.service, ids, { files, provided });
    const events = await finance.run(pkg, ids.webId);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", FilesCreated: "1" });
    expect((await finance.submit(pkg, ids.webId)).status).toBe(400);
  });

  it("refuse a package that is not encrypted", async () => {
    const provided = (await provision("MigrationContainers")) as ProvidedContainers;
    const { status, body } = await finance.post("/_api/site/CreateMigrationJob", {
      gWebId: ids.webId,
      azureContainerSourceUri: provided.DataContainerUri,
      azureContainerManifestUri: provided.MetadataContainerUri,
    });
    expect([status, body["odata.error"].message.value]).toEqual([
      400,
      expect.stringMatching(/encrypted packages only/),
    ]);
  });

  it("expire", async () => {
    await setFaults({ containerLifetimeSeconds: 1, startDelayMs: 1500 });
    const id = await submit();
    const provided = (await provision("MigrationContainers")) as ProvidedContainers;
    expect((await finance.follow(id)).at(-1)).toMatchObject({
      Event: "JobFatalError",
      Message: "The Azure containers of the job have expired",
    });
    const late = packageOf(azurite.service, ids, { provided });
    await expect(late).rejects.toMatchObject({ statusCode: 403 });
  });

  it("carry every event to the queue, in an envelope with the job's key", async () => {
    const { JobQueueUri } = await provision("MigrationQueue");
    const pkg = await oneFile();
    const events = await finance.run(pkg, ids.webId, { azureQueueReportUri: JobQueueUri });
    const received: JobEvent[] = [];
    await until(async () => {
      received.push(...(await finance.messages(JobQueueUri, pkg.key)));
      return received.length >= events.length;
    });
    expect(received.sort(byTime)).toEqual(events.sort(byTime));
  });

  it("are plain, as the queue is, for a package that is not encrypted", async () => {
    const { JobQueueUri } = await provision("MigrationQueue");
    const path = `${randomUUID()}.txt`;
    const pkg = await packageOf(azurite.service, ids, { files: [{ path }], encrypted: false });
    const events = await finance.run(pkg, ids.webId, { azureQueueReportUri: JobQueueUri });
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "0" });
    expect(await readFile(at("library", path), "utf8")).toBe(`content of ${path}`);
    expect(await pkg.readMetadata(`Import-${events[0]?.JobId}-1.log`)).toMatch(/\[JobEnd\]/);
    await until(async () =>
      (await finance.messages(JobQueueUri, undefined)).some(({ Event }) => Event === "JobQueued"),
    );
  });
});
