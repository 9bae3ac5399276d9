// The agent as a process of its own between a control plane, a work queue and a storage account.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ServiceBusClient } from "@azure/service-bus";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Broker, startBroker } from "../local/service-bus/broker.ts";
import {
  type InventoryEntry,
  inventoryEntrySchema,
  type SegmentHeader,
  type SegmentSummary,
  segmentHeaderSchema,
} from "../shared/contracts/inventory.ts";
import type { ScanSpec, UploadSpec } from "../shared/contracts/work.ts";
import { decryptBuffer } from "../shared/package/cipher.ts";
import { comparePaths } from "../shared/rules/paths.ts";
import { type Azurite, startAzurite } from "../test/support/azurite.ts";
import {
  type FakeControlPlane,
  type FakeOptions,
  startFakeControlPlane,
} from "../test/support/fake-control-plane.ts";
import { AGENT_VERSION } from "./version.ts";

const QUEUE = "work-default";
let azurite: Azurite;
let base: string;
let broker: Broker;
let sender: ServiceBusClient;
let plane: FakeControlPlane;
let container: ContainerClient;
let root: string;
let containers = 0;
const children = new Set<ChildProcess>();

const connection = (port: number, policy: string) =>
  `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${policy};SharedAccessKey=${policy}-key;UseDevelopmentEmulator=true`;

const openBroker = (port = 0) =>
  startBroker({
    port,
    dataDirectory: join(base, "broker"),
    config: {
      policies: [
        { name: "sender", primaryKey: "sender-key", rights: ["Send", "Listen"] },
        { name: "agents", primaryKey: "agents-key", rights: ["Listen"] },
      ],
      queues: [{ name: QUEUE, lockDuration: "PT5S" }],
    },
  });

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "agent-"));
  root = join(base, "share");
  mkdirSync(root);
  container = await azurite.container(`work${containers++}`);
  broker = await openBroker();
  // Not imported above: jest cannot link this CommonJS SDK and the storage SDK's ES modules, which share packages, at once.
  const { ServiceBusClient } = await import("@azure/service-bus");
  sender = new ServiceBusClient(connection(broker.port, "sender"));
});

afterEach(async () => {
  for (const child of children) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  await plane.close();
  await sender.close();
  await broker.close();
  rmSync(base, { recursive: true, force: true });
});

async function openPlane(options: Partial<FakeOptions> = {}): Promise<void> {
  const queue = sender.createSender(QUEUE);
  plane = await startFakeControlPlane({
    queueConnection: connection(broker.port, "agents"),
    queue: QUEUE,
    send: (body) => queue.sendMessages({ body }),
    ...options,
  });
}

interface Agent {
  child: ChildProcess;
  /** Everything it logged, parsed. */
  log: { msg: string; level: number }[];
  ready: Promise<void>;
  exit: Promise<number | null>;
}

function start(...args: string[]): {
  child: ChildProcess;
  output: () => string;
  errors: () => string;
} {
  const env = { ...process.env, NODE_OPTIONS: "", LONGSHORE_LOG_LEVEL: "debug" };
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { env });
  children.add(child);
  child.once("exit", () => children.delete(child));
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  return { child, output: () => output, errors: () => errors };
}

async function command(...args: string[]) {
  const { child, output, errors } = start(...args);
  const [code] = await once(child, "close");
  return { code, output: output(), errors: errors() };
}

async function configure(data = join(base, "agent"), ...more: string[]): Promise<string> {
  const args = ["--url", plane.url, "--token", plane.token, "--name", "test", "--data", data];
  const { code, errors } = await command("configure", ...args, ...more);
  if (code !== 0) throw new Error(errors);
  return data;
}

function run(data: string, ...args: string[]): Agent {
  const { child, output, errors } = start("run", "--data", data, ...args);
  const exit = once(child, "close").then(([code]) => code as number | null);
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", () => output().includes('"ready":true') && resolve());
    exit.then((code) => reject(new Error(`ended with ${code}: ${errors()}`)), reject);
  });
  ready.catch(() => undefined);
  return {
    child,
    exit,
    ready,
    get log() {
      const lines = errors().split("\n").filter(Boolean);
      return lines.map((line) => {
        if (!line.startsWith("{")) throw new Error(errors());
        return JSON.parse(line);
      });
    },
  };
}

async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  for (const end = Date.now() + limitMs; !condition(); ) {
    if (Date.now() > end) throw new Error(`not in time: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const scanSpec = (more: Partial<ScanSpec> = {}): ScanSpec => ({
  kind: "scan",
  source: root,
  containerUrl: azurite.sasUrl(container, "cw"),
  blobPrefix: "first",
  segmentItems: 10,
  segmentBytes: 1_000_000,
  ...more,
});

const key = randomBytes(32);
const uploadSpec = (files: Record<string, number>, more: Partial<UploadSpec> = {}): UploadSpec => ({
  kind: "upload",
  source: root,
  containerUrl: azurite.sasUrl(container, "cw"),
  contentKey: key.toString("base64"),
  blobPrefix: "e1",
  archiveSmallFiles: true,
  attemptsPerFile: 2,
  files: Object.entries(files).map(([path, size], index) => ({ index, path, size, modified: 0 })),
  ...more,
});

function tree(folders: number, files: number): void {
  for (let i = 0; i < folders; i++) {
    mkdirSync(join(root, `folder ${i}`));
    for (let j = 0; j < files; j++)
      writeFileSync(join(root, `folder ${i}`, `${j}.txt`), `${i}/${j}`);
  }
}

async function readSegment({ blob }: SegmentSummary) {
  const lines = gunzipSync(await container.getBlobClient(blob).downloadToBuffer())
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [header, ...entries] = lines as [SegmentHeader, ...InventoryEntry[]];
  return {
    header: segmentHeaderSchema.parse(header),
    entries: entries.map((entry) => inventoryEntrySchema.parse(entry)),
  };
}

/** The entries of all registered segments, which have to be numbered without gaps and to agree with their summaries. */
async function inventory(segments: SegmentSummary[]): Promise<string[]> {
  const paths: string[] = [];
  for (const [number, summary] of segments.entries()) {
    expect(summary.segment).toBe(number);
    const { header, entries } = await readSegment(summary);
    expect(header.segment).toBe(number);
    expect(entries).toHaveLength(summary.items);
    expect([entries[0]?.path, entries.at(-1)?.path]).toEqual([summary.first, summary.last]);
    expect(entries.filter((entry) => entry.kind === "file")).toHaveLength(summary.files);
    expect(entries.filter((entry) => entry.kind === "folder")).toHaveLength(summary.folders);
    expect(entries.reduce((sum, { size }) => sum + size, 0)).toBe(summary.bytes);
    const above = entries[0]?.path.split("/").slice(0, -1) ?? [];
    expect(header.open.map(({ path }) => path)).toEqual(
      above.map((_, depth) => above.slice(0, depth + 1).join("/")),
    );
    paths.push(...entries.map((entry) => entry.path));
  }
  expect(paths).toEqual([...paths].sort(comparePaths));
  return paths;
}

describe("agent", () => {
  it("scans into segments and uploads a package, and stops when asked", async () => {
    await openPlane();
    tree(8, 20);
    writeFileSync(join(root, "large.bin"), Buffer.alloc(2_000_000, 7));
    const data = await configure();
    expect(statSync(join(data, "agent.key")).mode & 0o777).toBe(0o600);
    const agent = run(data);
    await agent.ready;
    await plane.add("scan-1", scanSpec());
    const scanned = await plane.reaches("scan-1", "done");
    const paths = await inventory(scanned.segments);
    expect(paths).toHaveLength(8 * 21 + 1);
    expect(scanned.result).toMatchObject({ totalSegments: scanned.segments.length });
    const alone = scanned.segments.find(({ last }) => last === "large.bin");
    expect(alone).toMatchObject({ items: 1, bytes: 2_000_000 });

    await plane.add(
      "upload-1",
      uploadSpec({ "folder 0/0.txt": 3, "large.bin": 2_000_000, gone: 1 }),
    );
    const { result } = await plane.reaches("upload-1", "done");
    if (result?.kind !== "upload") throw new Error("no upload result");
    const [small, large, gone] = result.files;
    expect(gone).toMatchObject({ status: "failed", issue: { code: "FILE_VANISHED" } });
    expect(small).toMatchObject({
      status: "uploaded",
      archive: "e1-pack0.zip",
      blob: "e1-00000000.dat",
    });
    if (large?.status !== "uploaded") throw new Error("not uploaded");
    const blob = await container.getBlobClient(large.blob).downloadToBuffer();
    const content = decryptBuffer(key, Buffer.from(large.iv, "base64"), blob);
    expect(content.equals(Buffer.alloc(2_000_000, 7))).toBe(true);

    agent.child.kill("SIGTERM");
    expect(await agent.exit).toBe(0);
    const text = JSON.stringify(agent.log);
    expect(text).not.toContain(key.toString("base64"));
    expect(text).not.toMatch(/sig=(?!\*\*\*)/);
    expect(text).not.toContain("agents-key");
  });

  it("fails what no agent can do and leaves what lies outside its roots", async () => {
    await openPlane();
    mkdirSync(join(root, "open"));
    const agent = run(await configure(undefined, "--root", join(root, "open")));
    await agent.ready;
    await plane.add("missing", scanSpec({ source: join(root, "open", "none") }));
    await plane.add("outside", scanSpec({ source: root }));
    await plane.add("sneaky", scanSpec({ source: join(root, "open/..") }));
    await plane.add("inside", scanSpec({ source: join(root, "open") }));
    const codes: (string | undefined)[] = [];
    for (const item of ["missing", "outside", "sneaky"])
      codes.push((await plane.reaches(item, "failed")).issue?.code);
    expect(codes).toEqual(["SOURCE_NOT_FOUND", "SOURCE_NOT_ALLOWED", "SOURCE_NOT_ALLOWED"]);
    expect((await plane.reaches("inside", "done")).result).toMatchObject({ totalSegments: 0 });
  });

  it("finds older versions of files and uploads them, out of snapshots within its roots", async () => {
    await openPlane();
    const at = (path: string, content: string, minutes: number) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      const seconds = 1_700_000_000 + minutes * 60;
      utimesSync(join(root, path), seconds, seconds);
    };
    const names = [1, 2, 3].map((day) => `daily.2026-01-0${day}_0010`);
    for (const [day, name] of names.entries())
      for (let i = 0; i < 30; i++) at(`.snapshot/${name}/a/${i}.txt`, `${day} of ${i}`, day);
    for (let i = 0; i < 30; i++) at(`a/${i}.txt`, `${i} now`, 9);
    const agent = run(await configure(undefined, "--root", root));
    await agent.ready;

    const source = join(root, "a");
    await plane.add("scan", scanSpec({ source, versions: { keep: 2 } }));
    const { segments, result: scanned } = await plane.reaches("scan", "done");
    expect(scanned).not.toHaveProperty("warnings");
    expect(await inventory(segments)).toHaveLength(30);
    // Three contents each, in segments of ten.
    expect(segments).toHaveLength(10);
    const entries = (await Promise.all(segments.map(readSegment))).flatMap((each) => each.entries);
    for (const { versions = [] } of entries)
      expect(versions.map(({ snapshot }) => snapshot)).toEqual(names.slice(1));

    const files = entries.map(({ path, size, modified, versions }, index) => ({
      ...{ index, path, size, modified },
      ...(versions && { versions }),
    }));
    await plane.add("upload", uploadSpec({}, { source, files, archiveSmallFiles: false }));
    const { result } = await plane.reaches("upload", "done");
    if (result?.kind !== "upload") throw new Error("no upload result");
    for (const [index, file] of result.files.entries()) {
      if (file.status !== "uploaded") throw new Error(JSON.stringify(file));
      const number = entries[index]?.path.replace(".txt", "");
      const contents: string[] = [];
      for (const { blob, iv } of [...(file.versions ?? []), file]) {
        const data = await container.getBlobClient(blob).downloadToBuffer();
        contents.push(decryptBuffer(key, Buffer.from(iv, "base64"), data).toString());
      }
      expect(contents).toEqual([`1 of ${number}`, `2 of ${number}`, `${number} now`]);
    }

    await plane.add("none", scanSpec({ source, versions: { keep: 2, folder: ".past/*" } }));
    expect((await plane.reaches("none", "done")).result).toMatchObject({
      warnings: [{ code: "NO_SNAPSHOTS", message: expect.stringContaining(".past/*") }],
    });
    await plane.add("up", scanSpec({ source, versions: { keep: 2, folder: "../*" } }));
    expect((await plane.reaches("up", "failed")).issue?.code).toBe("SOURCE_NOT_ALLOWED");
  });

  it("drops cancelled work and messages that are out of date", async () => {
    await openPlane({ heartbeatSeconds: 0.2 });
    tree(1, 3);
    const agent = run(await configure());
    await agent.ready;
    const stuck = await startTarpit();
    try {
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      await plane.add("slow", uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await plane.reaches("slow", "leased");
      plane.cancel("slow");
      await until(() => agent.log.some(({ msg }) => msg === "dropped"));
    } finally {
      stuck.close();
    }
    await sender
      .createSender(QUEUE)
      .sendMessages([
        { body: { version: 1, workItem: "slow", epoch: 1 } },
        { body: { version: 1, workItem: "unknown", epoch: 1 } },
        { body: "rubbish" },
      ]);
    await until(() => agent.log.filter(({ msg }) => msg === "dropped a message").length === 2);
    const receiver = sender.createReceiver(QUEUE, { subQueueType: "deadLetter" });
    const [dead] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
    expect(dead).toMatchObject({ body: "rubbish", deadLetterReason: "BadMessage" });
    expect(plane.items.get("slow")?.state).toBe("cancelled");
  });

  it("gives everything back on SIGTERM, and another agent takes it", async () => {
    await openPlane();
    tree(2, 10);
    const stuck = await startTarpit();
    const first = run(await configure());
    try {
      await first.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      const files = { "folder 0/0.txt": 3, "folder 1/0.txt": 3 };
      await plane.add("u", uploadSpec(files, { containerUrl }));
      await plane.reaches("u", "leased");
      first.child.kill("SIGTERM");
      expect(await first.exit).toBe(0);
    } finally {
      stuck.close();
    }
    const item = plane.items.get("u");
    expect(item).toMatchObject({ state: "queued", epoch: 2, releases: 1 });
    if (item !== undefined) item.spec = uploadSpec({ "folder 0/0.txt": 3 });
    await run(await configure(join(base, "second"))).ready;
    await plane.reaches("u", "done");
  });

  it("stops in seconds although the queue does not answer any more", async () => {
    const relay = await startRelay(broker.port);
    try {
      await openPlane({ queueConnection: connection(relay.port, "agents") });
      const agent = run(await configure());
      await agent.ready;
      await relay.used;
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // It waits for messages by now.
      relay.freeze();
      const asked = Date.now();
      agent.child.kill("SIGTERM");
      expect(await agent.exit).toBe(0);
      expect(Date.now() - asked).toBeLessThan(45_000);
    } finally {
      relay.close();
    }
  });

  it("is replaced under a higher epoch when it is killed in the middle of a scan", async () => {
    await openPlane({ leaseSeconds: 1.5, heartbeatSeconds: 0.3 });
    tree(60, 50);
    const first = run(await configure());
    await first.ready;
    await plane.add("scan", scanSpec({ segmentItems: 7 }));
    await until(() => (plane.items.get("scan")?.segments.length ?? 0) > 20);
    first.child.kill("SIGKILL");
    const before = plane.items.get("scan");
    await run(await configure(join(base, "second"))).ready;
    const { epoch, segments, result } = await plane.reaches("scan", "done");
    expect(before?.state).toBe("done");
    expect(epoch).toBe(2);
    expect(result).toMatchObject({ totalSegments: segments.length });
    expect(await inventory(segments)).toHaveLength(60 * 51);
    expect(new Set(segments.map(({ blob }) => blob.split("-")[0]))).toEqual(new Set(["e1", "e2"]));
  });

  it("stops by itself when it cannot renew a lease", async () => {
    await openPlane({ leaseSeconds: 1, heartbeatSeconds: 0.3 });
    tree(1, 1);
    const stuck = await startTarpit();
    try {
      const agent = run(await configure());
      await agent.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      await plane.add("u", uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await plane.reaches("u", "leased");
      plane.faults.down = true;
      await until(() => agent.log.some(({ msg }) => msg === "dropped"), 4_000);
      expect(agent.log.filter(({ msg }) => /cannot be reached/.test(msg))).toHaveLength(1);
      expect(stuck.connections()).toBe(0);
    } finally {
      stuck.close();
    }
  });

  it("outlives the control plane and the queue being away", async () => {
    await openPlane({ heartbeatSeconds: 0.3 });
    tree(1, 3);
    const agent = run(await configure());
    await agent.ready;
    plane.faults.down = true;
    await plane.add("first", scanSpec());
    await until(() => agent.log.some(({ msg }) => /control plane cannot be reached/.test(msg)));
    plane.faults.down = false;
    await plane.reaches("first", "done");

    const { port } = broker;
    await broker.close();
    await until(() => agent.log.some(({ msg }) => /queue cannot be reached/.test(msg)));
    broker = await openBroker(port);
    await plane.add("second", scanSpec());
    await plane.reaches("second", "done", 20_000);
    await until(() => agent.log.some(({ msg }) => /queue answers again/.test(msg)));
    const outages = agent.log.filter(({ msg }) => /cannot be reached/.test(msg));
    expect(outages).toHaveLength(2);
    agent.child.kill("SIGINT");
    expect(await agent.exit).toBe(0);
  }, 60_000);

  it("renews its queue credential while work goes on", async () => {
    await openPlane({ credentialSeconds: 2 });
    const agent = run(await configure());
    await agent.ready;
    await until(() => plane.hellos >= 3);
    await plane.add("later", scanSpec());
    await plane.reaches("later", "done");
    expect(agent.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it.each(["AGENT_DISABLED", "AGENT_INCOMPATIBLE"] as const)(
    "drops its work on %s, waits, and takes work again without a restart",
    async (code) => {
      await openPlane({ heartbeatSeconds: 0.2, leaseSeconds: 2 });
      const stuck = await startTarpit();
      tree(1, 1);
      const data = await configure();
      const agent = run(data);
      await agent.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      await plane.add("stuck", uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await plane.reaches("stuck", "leased");
      plane.faults.suspend = code;
      await until(() => agent.log.some(({ msg }) => msg === "dropped"));
      await plane.reaches("stuck", "queued");
      plane.cancel("stuck");
      // One that begins in this state is ready, too: it waits.
      const another = run(data);
      await another.ready;
      another.child.kill("SIGTERM");
      expect(await another.exit).toBe(0);
      await plane.add("later", scanSpec());
      plane.faults.suspend = undefined;
      await plane.reaches("later", "done", 40_000);
      const notices = agent.log.filter(({ msg }) => /gives this agent/.test(msg));
      expect(notices).toHaveLength(2);
      stuck.close();
    },
    60_000,
  );

  it("introduces itself once as fresh, and again when it is moved to another queue", async () => {
    await openPlane({ heartbeatSeconds: 0.2 });
    const agent = run(await configure(undefined, "--root", root));
    await agent.ready;
    plane.greet = true;
    await until(() => plane.hellos === 2);
    expect(plane.greetings.map(({ fresh }) => fresh)).toEqual([true, false]);
    expect(plane.greetings[0]).toMatchObject({ protocol: 1, sourceRoots: [root] });
    await plane.add("later", scanSpec());
    await plane.reaches("later", "done");
    expect(agent.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it("leaves a message to the group that it is in no more, and says hello at once", async () => {
    await openPlane({ heartbeatSeconds: 60 });
    const agent = run(await configure());
    await agent.ready;
    plane.moved = true;
    await plane.add("theirs", scanSpec());
    await until(() => plane.hellos >= 2);
    plane.moved = false;
    const { claims } = await plane.reaches("theirs", "done");
    expect(claims).toBe(1);
  });

  it("tries sources for administrators, each once", async () => {
    await openPlane({ heartbeatSeconds: 0.1 });
    tree(3, 1);
    const agent = run(await configure(undefined, "--root", root));
    await agent.ready;
    plane.checks = [
      { id: "good", source: root },
      { id: "missing", source: join(root, "nowhere") },
      { id: "outside", source: base },
    ];
    await until(() => plane.checks.length === 0);
    expect(Object.fromEntries(plane.answers)).toEqual({
      good: { ok: true, detail: expect.stringMatching(/3 entries.*snapshots of it: none/) },
      missing: { ok: false, detail: expect.stringContaining("SOURCE_NOT_FOUND") },
      outside: { ok: false, detail: expect.stringContaining("SOURCE_NOT_ALLOWED") },
    });
    expect(plane.requests.filter((name) => name === "checks")).toHaveLength(3);
  });

  it("does as many items at once as it has slots", async () => {
    await openPlane({ heartbeatSeconds: 0.2 });
    tree(1, 1);
    const stuck = await startTarpit();
    try {
      const agent = run(await configure(), "--slots", "2");
      await agent.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      for (const item of ["a", "b", "c"])
        await plane.add(item, uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await until(() => plane.heartbeats.some(({ work }) => work.length === 2));
      const states = () => [...plane.items.values()].map(({ state }) => state).sort();
      expect(states()).toEqual(["leased", "leased", "queued"]);
      const [leased] = [...plane.items].find(([, { state }]) => state === "leased") ?? [""];
      plane.cancel(leased);
      await until(() => states().join() === "cancelled,leased,leased");
      expect(Math.max(...plane.heartbeats.map(({ work }) => work.length))).toBe(2);
    } finally {
      stuck.close();
    }
  });
});

describe("exit codes", () => {
  it("is 1 for a configuration that cannot work", async () => {
    await openPlane();
    const nowhere = await command("run", "--data", join(base, "nothing"));
    expect(nowhere).toMatchObject({ code: 1, errors: expect.stringContaining("configure") });
    const args = ["--url", plane.url, "--data", join(base, "x")];
    const refused = await command("configure", ...args, "--token", "wrong");
    expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining("enrolment token") });
    const slots = await command("run", "--data", await configure(), "--slots", "1");
    expect(slots).toMatchObject({ code: 1, errors: expect.stringContaining("at least 2") });
    expect(await command("version")).toMatchObject({ code: 0, output: `${AGENT_VERSION}\n` });
  });

  it("is 1 once the control plane refuses the agent for good, and running work is dropped", async () => {
    await openPlane({ heartbeatSeconds: 0.2 });
    const data = await configure();
    const agent = run(data);
    await agent.ready;
    plane.faults.refuse = true;
    expect(await agent.exit).toBe(1);
    expect(await run(data).exit).toBe(1);
  });

  it("tells each check and how to mend it", async () => {
    await openPlane();
    const data = await configure();
    mkdirSync(join(root, ".snapshot/hourly.0"), { recursive: true });
    const good = await command("check", "--data", data, "--source", root);
    expect(good.output).toContain(`snapshots of it: 1 in ${root}/.snapshot/*`);
    expect(good.code).toBe(0);
    expect(good.output.split("\n").map((line) => line.slice(0, 10))).toEqual([
      ...["1. ok     ", "2. ok     ", "3. ok     ", "4. ok     ", "5. ok     ", ""],
    ]);
    plane.faults.refuse = true;
    const bad = await command("check", "--data", data, "--source", join(root, "none"));
    expect(bad.code).toBe(1);
    expect(bad.output).toMatch(/3\. FAILED {2}signature.*\n +fix: .*clock/);
    expect(bad.output).toMatch(/5\. FAILED {2}source readable: .*none.*ENOENT.*\n +fix: /);
  });
});

/** Passes bytes on to a port until it is frozen: a network that loses everything, without a word to either end. */
async function startRelay(port: number) {
  const { connect, createServer } = await import("node:net");
  const sockets: import("node:net").Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far).pipe(near);
    sockets.push(near, far);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    used: once(server, "connection"),
    freeze() {
      for (const socket of sockets) socket.unpipe();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Takes connections and never answers: storage on which an upload hangs for as long as a test needs. */
async function startTarpit() {
  const { createServer } = await import("node:net");
  const sockets = new Set<import("node:net").Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    connections: () => sockets.size,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
