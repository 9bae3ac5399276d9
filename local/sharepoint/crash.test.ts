import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { type Azurite, startAzurite } from "../../test/support/azurite.ts";
import { type Client, client } from "./testing/client.ts";
import { removeFolder, temporaryFolder } from "./testing/folders.ts";
import { packageOf } from "./testing/package-builder.ts";
import { stopProcess, until } from "./testing/waiting.ts";

const FILES = 1500;

let azurite: Azurite;
let folder: string;
let library: string;
let simulator: ChildProcessByStdio<null, Readable, null>;

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await temporaryFolder();
  library = join(folder, "library");
});

afterEach(() => stopProcess(simulator));

afterAll(async () => {
  await azurite.stop();
  await removeFolder(folder);
});

/** Starts the simulator as its own process, as a launcher does; returns a client for its site. */
async function start(...flags: string[]): Promise<Client> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const own = ["--port", "0", "--data", join(folder, "data")];
  simulator = spawn(
    process.execPath,
    [main, ...own, "--library", `finance=Documents=${library}`, ...flags],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const [line] = (await once(createInterface(simulator.stdout), "line")) as [string];
  const ready = JSON.parse(line) as { ready: boolean; url: string; pid: number };
  expect(ready).toMatchObject({ ready: true, pid: simulator.pid });
  return client(ready.url, "finance");
}

async function namesIn(path: string): Promise<string[]> {
  return readdir(join(library, path)).catch(() => []);
}

async function emptyContainer(url: string): Promise<void> {
  const container = azurite.service.getContainerClient(
    new URL(url).pathname.split("/").at(-1) ?? "",
  );
  for await (const { name } of container.listBlobsFlat())
    await container.deleteBlob(name, { deleteSnapshots: "include" });
}

describe("a simulator that is killed in the middle of a job", () => {
  it("goes on with it at the next start and imports every file once", async () => {
    let finance = await start();
    const ids = await finance.ids();
    const pkg = await packageOf(azurite.service, ids, {
      folders: [{ path: "Many" }],
      files: Array.from({ length: FILES }, (_, n) => ({
        path: `Many/${n}.txt`,
        content: `file ${n}`,
        archive: n % 2,
      })),
      listItems: false,
    });
    const { body } = await finance.submit(pkg, ids.webId);
    const jobId = body.value as string;

    // Kill it while the first batch is being written, then two times further on.
    for (const written of [20, 400, 900]) {
      await until(async () => (await namesIn("Many")).length >= written);
      await stopProcess(simulator, "SIGKILL");
      expect((await namesIn("Many")).length).toBeLessThan(FILES);
      finance = await start();
      expect(await finance.ids()).toEqual(ids);
    }
    const events = await finance.follow(jobId, 30);

    expect(events.filter(({ Event }) => Event === "JobStart")).toHaveLength(4);
    expect(events.filter(({ Event }) => Event === "JobError")).toEqual([]);
    expect(events.filter(({ Event }) => Event === "JobEnd")).toMatchObject([
      { TotalErrors: "0", FilesCreated: String(FILES), TotalRetryCount: "3" },
    ]);
    const record = await finance.record();
    expect(record).toHaveLength(FILES + 1);
    expect(record.every(({ state, importCount }) => state === "present" && importCount === 1)).toBe(
      true,
    );
    const names = await namesIn("Many");
    expect(names).toHaveLength(FILES);
    expect(names.filter((name) => !/^\d+\.txt$/.test(name))).toEqual([]);
    expect(await readFile(join(library, "Many/1499.txt"), "utf8")).toBe("file 1499");
    expect((await stat(join(library, "Many"))).mtime).toEqual(new Date("2024-01-02T00:00:00Z"));
  }, 60_000);

  it.each([
    ["can no longer be run", "metadata", FILES],
    ["fails at its items, which are forgotten", "data", 400],
  ] as const)(
    "keeps what it had written under its ids when the job %s",
    async (_, forgotten, files) => {
      let finance = await start();
      const ids = await finance.ids();
      const name = `Lost ${forgotten}`;
      const spec = {
        folders: [{ path: name, id: randomUUID() }],
        files: Array.from({ length: files }, (_, n) => ({
          id: randomUUID(),
          path: `${name}/${n}.txt`,
          content: `file ${n}`,
          ...(forgotten === "metadata" && { archive: n % 2 }),
        })),
        listItems: false,
      };
      const pkg = await packageOf(azurite.service, ids, spec);
      const { body } = await finance.submit(pkg, ids.webId);
      await until(async () => (await namesIn(name)).length >= 20);
      await stopProcess(simulator, "SIGKILL");
      await emptyContainer(pkg.uris()[forgotten]);

      finance = await start();
      const lost = await finance.follow(body.value, 30);
      expect(lost.at(-1)).toMatchObject({ Event: "JobFatalError" });
      const again = await packageOf(azurite.service, ids, spec);
      const { body: next } = await finance.submit(again, ids.webId);
      const events = await finance.follow(next.value, 30);
      expect(events.filter(({ Event }) => /Error/.test(Event)).slice(0, 3)).toEqual([]);
      expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
      expect(await namesIn(name)).toHaveLength(files);
      expect(await namesIn("")).not.toContain(".~import");
    },
    60_000,
  );

  it("keeps keys and SAS sealed while the job waits, and nowhere once it has ended", async () => {
    let finance = await start("--fault", "startDelayMs=600000");
    const ids = await finance.ids();
    const pkg = await packageOf(azurite.service, ids, { files: [{ path: "secret.txt" }] });
    const { body } = await finance.submit(pkg, ids.webId);
    await stopProcess(simulator);
    expect(simulator.exitCode).toBe(0);

    const keyFile = join(folder, "data", "job-secrets.key");
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    const signature = new URL(pkg.uris().data).searchParams.get("sig") ?? "";
    const key = pkg.key as Buffer;
    for (const name of await readdir(join(folder, "data"))) {
      const bytes = await readFile(join(folder, "data", name));
      expect(bytes.includes(key)).toBe(false);
      expect(bytes.includes(key.toString("base64"))).toBe(false);
      expect(bytes.includes(encodeURIComponent(signature))).toBe(false);
    }
    finance = await start();
    const events = await finance.follow(body.value);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
    await stopProcess(simulator);
    const database = new DatabaseSync(join(folder, "data", "sharepoint.sqlite"));
    const left = database.prepare("SELECT count(*) AS jobs FROM jobs WHERE secrets IS NOT NULL");
    expect(left.get()).toEqual({ jobs: 0 });
    database.close();
  });
});
