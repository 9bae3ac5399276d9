/**
 * Who gets which key and which SAS in a migration, tried from outside: what the agent was told is seen on its way to it, what SharePoint
 * was given is read from its own record, and storage says what each of them opens. Afterwards: what is left of them anywhere, and when
 * the containers themselves go.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { backdate } from "./support/backdate.ts";
import { filesHolding, spellings } from "./support/byte-search.ts";
import { type JobSecrets, openJobs } from "./support/job-secrets.ts";
import { packageRows, type WrappedKey, watchKeys } from "./support/package-keys.ts";
import { listContainers } from "./support/package-reader.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { killAll, processesNaming } from "./support/processes.ts";
import { startProxiedAgent } from "./support/proxied-agent.ts";
import { queueRights } from "./support/queue-trial.ts";
import {
  downloadReports,
  ended,
  type Json,
  type Running,
  startRunning,
  startTask,
} from "./support/running.ts";
import { altered, rightsOf } from "./support/sas-trial.ts";
import { openData } from "./support/storage.ts";
import { makeWorkspace, removeWorkspace, type Workspace } from "./support/workspace.ts";

const PACKAGES = 4;
const DAY_MS = 24 * 3_600_000;
const LIMITS: Readonly<Record<string, string>> = {
  RETAIN_CONTENT_DAYS: "5",
  RETAIN_CONTAINERS_DAYS: "31",
};

let workspace: Workspace;
let running: Running;
let agent: Awaited<ReturnType<typeof startProxiedAgent>> | undefined;
let task: string;
/** What the agent was told. */
let claims: Json[];
let hello: Json;
/** What SharePoint was given, by job. */
const jobs = new Map<string, JobSecrets>();
let wrapped: Map<string, WrappedKey>;
let keys: Buffer[];
/** How often the app had the vault unwrap a key. */
let unwraps: number;
/** What lay where while keys and SAS were in use. */
let found: string[];

beforeAll(async () => {
  workspace = makeWorkspace();
  makePlainTree(workspace.source, 160);
  running = await startRunning(workspace, { ...LIMITS, RETENTION: "dry-run" });
  // Jobs wait a little, so that they can be looked at.
  await running.setFaults({ startDelayMs: 4_000 });
  // Another one takes the place of the agent that is there.
  const { agents } = await running.call("GET", "agents");
  for (const { id } of agents) await running.call("PATCH", `agents/${id}`, { enabled: false });
  const { token } = await running.call("POST", "enrolment-tokens", {});
  agent = await startProxiedAgent(workspace, running.url, token);
  const watching = watchKeys(workspace.data);
  task = await startTask(running, workspace.source, {
    settings: { packageItems: 50 },
  });
  while (jobs.size < PACKAGES) {
    for (const [id, secrets] of openJobs(workspace.data)) jobs.set(id, secrets);
    await delay(50);
  }
  // Everybody has said what there is to say about the jobs, and waits. The next process has to ask the vault for the keys.
  await delay(500);
  killAll(processesNaming(`${workspace.data}/functions-host`));
  found = search(given().map(keyOf));
  await answering();
  expect(await ended(running, task)).toMatchObject({ state: "Completed" });
  wrapped = await watching.stop();
  const told = agent.answers;
  await agent.stop();
  agent = undefined;
  // Start waits for its own agent.
  for (const { id } of agents) await running.call("PATCH", `agents/${id}`, { enabled: true });
  claims = told.filter(({ json }) => json.status === "granted").map(({ json }) => json.spec);
  hello = told.find(({ path }) => path.endsWith("/hello"))?.json;
  unwraps = vaultLog().filter((line) => line.includes("unwrapkey")).length;
  const { unwrap } = openData(workspace.data);
  keys = await Promise.all(
    [...wrapped.values()].map((key) => unwrap(key.id, Buffer.from(key.wrapped, "base64"))),
  );
  await downloadReports(running, workspace, task, 0);
}, 300_000);

afterAll(async () => {
  await agent?.stop();
  await running?.stop();
  if (workspace) await removeWorkspace(workspace);
});

const keyOf = ({ keyBase64 }: JobSecrets) => Buffer.from(keyBase64, "base64");
const uploads = () => claims.filter(({ kind }) => kind === "upload");
const given = () => [...jobs.values()];
const pathOf = (url: string) => new URL(url).pathname;
const search = (secrets: readonly Buffer[]) =>
  filesHolding(workspace.root, secrets.flatMap(spellings));

/** Waits until the control plane is there again. */
async function answering(): Promise<void> {
  for (;;) {
    await delay(200);
    const isThere = await running.call("GET", "me").catch(() => undefined);
    if (isThere) return;
  }
}

const vaultLog = () =>
  readFileSync(join(workspace.data, "logs", "key-vault.log"), "utf8").split("\n");

/** A blob in the container of a SAS. */
async function blobIn(containerUrl: string): Promise<string> {
  const container = pathOf(containerUrl).split("/").at(-1) ?? "";
  const { blobs } = openData(workspace.data);
  for await (const { name } of blobs.getContainerClient(container).listBlobsFlat()) return name;
  throw new Error(`${container} is empty`);
}

/** What the SAS may do in its own container; that it opens nothing else, not longer, and nothing more when its words are changed. */
async function tryOut(containerUrl: string, others: readonly string[]): Promise<string[]> {
  const blob = await blobIn(containerUrl);
  const rights = await rightsOf(containerUrl, blob);
  for (const other of others.filter((url) => pathOf(url) !== pathOf(containerUrl)))
    expect(await rightsOf(altered(containerUrl, {}, pathOf(other)), await blobIn(other))).toEqual(
      [],
    );
  const later = new Date(Date.now() + 30 * DAY_MS).toISOString().replace(/\.\d+/, "");
  for (const change of [{ sp: "racwdl" }, { se: later }, { sr: "b" }])
    expect(await rightsOf(altered(containerUrl, change), blob)).toEqual([]);
  const { searchParams } = new URL(containerUrl);
  expect(searchParams.get("sr")).toBe("c");
  const end = Date.parse(searchParams.get("se") ?? "");
  expect(end - Date.now()).toBeGreaterThan(2.9 * DAY_MS);
  expect(end - Date.now()).toBeLessThanOrEqual(3 * DAY_MS);
  return rights;
}

describe("the agent", () => {
  it("gets one container and one key for each package, and that of the inventory", () => {
    expect(uploads().length).toBeGreaterThanOrEqual(4);
    expect(new Set(uploads().map(({ containerUrl }) => pathOf(containerUrl))).size).toBe(
      uploads().length,
    );
    expect(
      uploads()
        .map(({ contentKey }) => contentKey)
        .sort(),
    ).toEqual(keys.map((key) => key.toString("base64")).sort());
    expect(claims.filter(({ kind }) => kind === "scan").length).toBe(1);
    for (const spec of claims)
      expect(Object.values(spec).filter((value) => String(value).includes("sig="))).toEqual([
        spec.containerUrl,
      ]);
  });

  it("may create and write there, and nothing else anywhere", async () => {
    const urls = claims.map(({ containerUrl }) => containerUrl);
    for (const url of urls)
      expect(await tryOut(url, urls.slice(0, 2))).toEqual(["create", "write"]);
  });

  it("may listen to the queue of its group, and not send", async () => {
    expect(hello.queueConnection).toMatch(/SharedAccessSignature=/);
    expect(hello.queueConnection).not.toMatch(/SharedAccessKey/);
    expect(await queueRights(hello.queueConnection, hello.queue)).toEqual(["listen"]);
  });
});

describe("SharePoint", () => {
  it("gets the containers of one package with each job, and its key", () => {
    expect(given().length).toBe(uploads().length);
    const containers = given().flatMap(({ dataContainerUri, metadataContainerUri }) => [
      pathOf(dataContainerUri),
      pathOf(metadataContainerUri),
    ]);
    expect(new Set(containers).size).toBe(containers.length);
    const pairs = (values: [string, string][]) => values.sort();
    expect(
      pairs(
        given().map(({ dataContainerUri, keyBase64 }) => [pathOf(dataContainerUri), keyBase64]),
      ),
    ).toEqual(
      pairs(uploads().map(({ containerUrl, contentKey }) => [pathOf(containerUrl), contentKey])),
    );
  });

  it("may read the contents, and write its logs beside the manifests", async () => {
    const others = given().slice(0, 1);
    for (const { dataContainerUri, metadataContainerUri } of given()) {
      const more = others.flatMap((each) => [each.dataContainerUri, each.metadataContainerUri]);
      expect(await tryOut(dataContainerUri, more)).toEqual(["read", "list"]);
      expect(await tryOut(metadataContainerUri, more)).toEqual(["create", "write", "read", "list"]);
    }
  });
});

it("every use of a wrapped key is in the audit trail", async () => {
  const { entries } = await running.call("GET", `audit?task=${task}&limit=100`);
  const noted = entries.filter(({ action }: Json) => action === "unwrapKey");
  expect(unwraps).toBeGreaterThan(0);
  expect(noted.length).toBe(unwraps);
  for (const { ids, actor } of noted) {
    expect(actor).toBe("system");
    expect(ids).toMatchObject({ task, round: "R0", package: expect.stringMatching(/^[0-3]$/) });
  }
});

describe("at rest", () => {
  it("the rows of recorded packages have no key any more, not even a wrapped one", async () => {
    const rows = await packageRows(openData(workspace.data));
    expect(rows.length).toBe(PACKAGES);
    for (const row of rows) expect(row).not.toHaveProperty("key");
  });

  it("no store, log or report has a content key, while it is used or afterwards", async () => {
    expect(keys.length).toBe(uploads().length);
    expect(found).toEqual([]);
    // Azurite writes what it knows when it stops.
    await running.stop();
    expect(search(keys)).toEqual([]);
    // The search finds what there is: what the keys were wrapped as is gone, the containers' names are there.
    const names = [...wrapped.keys()].map((name) => Buffer.from(name));
    expect(filesHolding(join(workspace.data, "azurite-table"), names)).not.toEqual([]);
    const gone = [...wrapped.values()].map((key) => Buffer.from(key.wrapped));
    expect(filesHolding(workspace.root, gone)).toEqual([]);
  }, 60_000);
});

describe("retention", () => {
  /** The containers that are left of the packages. */
  const left = async () =>
    (await listContainers(openData(workspace.data).blobs)).filter((name) => /-[dm]$/.test(name));
  const ages = new Map<string, number>();
  let all: string[];
  /** What has had its time. */
  let due: { contents: string[]; manifests: string[] };

  async function fireRetention(RETENTION: "dry-run" | "delete"): Promise<Json> {
    running = await startRunning(workspace, { ...LIMITS, RETENTION });
    all ??= (await left()).sort();
    const log = join(workspace.data, "logs", "functions-host.log");
    const before = readFileSync(log, "utf8").length;
    await running.fire("retention");
    for (;;) {
      const said = readFileSync(log, "utf8").slice(before).replaceAll("\\", "");
      const [result] = /\{"event":"retention"[^}]*\}/.exec(said) ?? [];
      if (result) return JSON.parse(result);
      await delay(50);
    }
  }
  const removals = async () => {
    const { entries } = await running.call("GET", `audit?task=${task}&limit=100`);
    return entries
      .filter(({ action }: Json) => action.startsWith("remove"))
      .map(({ action, ids }: Json) => [ids.container, action]);
  };

  beforeAll(() => {
    const [young = "", justDue = "", old = "", ...rest] = wrapped.keys();
    for (const [name, age] of [
      [young, 4.9],
      [justDue, 5.1],
      [old, 31.1],
      ...rest.map((name) => [name, 30.9] as const),
    ] as const)
      ages.set(name, age);
    due = { contents: [justDue, old, ...rest], manifests: [old.replace(/-d$/, "-m")] };
    backdate(workspace.data, ages);
  });

  it("says what it would remove, and removes nothing", async () => {
    expect(await fireRetention("dry-run")).toEqual({
      ...{ event: "retention", dryRun: true, complete: true, auditEntries: 0 },
      ...{ contents: due.contents.length, manifests: due.manifests.length },
    });
    expect(all.length).toBe(2 * ages.size);
    expect((await left()).sort()).toEqual(all);
    expect(await removals()).toEqual([]);
    await running.stop();
  }, 60_000);

  it("removes contents, later containers, at the ages it is set to, and the audit trail says so", async () => {
    const { dryRun, contents, manifests } = await fireRetention("delete");
    expect({ dryRun, contents, manifests }).toEqual({
      ...{ dryRun: false, contents: due.contents.length, manifests: due.manifests.length },
    });
    const removed = [...due.contents, ...due.manifests];
    expect((await left()).sort()).toEqual(all.filter((name) => !removed.includes(name)));
    expect((await removals()).sort()).toEqual(
      [
        ...due.contents.map((name) => [name, "removeContents"]),
        ...due.manifests.map((name) => [name, "removeContainer"]),
      ].sort(),
    );
  }, 60_000);
});
