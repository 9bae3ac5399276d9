import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { decryptBuffer } from "../shared/package/cipher.ts";
import {
  base,
  command,
  configure,
  container,
  inventory,
  key,
  openPlane,
  plane,
  QUEUE,
  readSegment,
  root,
  run,
  scanSpec,
  sender,
  tree,
  until,
  uploadSpec,
} from "../test/support/agents.ts";
import { startTarpit } from "../test/support/badNetworks.ts";
import { loadConfiguration } from "./configuration.ts";
import { AGENT_VERSION } from "./version.ts";

/* The agent as a process of its own between a control plane, a work queue and a storage account. */

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

  it("renews its queue credential while work goes on", async () => {
    await openPlane({ credentialSeconds: 2 });
    const agent = run(await configure());
    await agent.ready;
    await until(() => plane.hellos >= 3);
    await plane.add("later", scanSpec());
    await plane.reaches("later", "done");
    expect(agent.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

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
    const nonsense = await command(
      "configure",
      "--url",
      "nonsense",
      ...args.slice(2),
      "--token",
      "x",
    );
    expect(nonsense).toMatchObject({ code: 1, errors: expect.stringContaining("--url") });
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

  it("takes the URL of the API for that of the control plane, and tries nothing without a configuration", async () => {
    await openPlane();
    const data = join(base, "fresh");
    const none = await command("check", "--data", data);
    expect(none.output.match(/FAILED/g)).toHaveLength(1);
    const args = ["--url", `${plane.url}/api/v1/`, "--data", data];
    const done = await command("configure", ...args, "--token", plane.token);
    expect(done.code).toBe(0);
    expect(loadConfiguration(data).controlPlane).toBe(plane.url);
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
    expect(bad.output).toContain('4. -       work queue reachable: not tried without "signature');
    expect(bad.output).toMatch(/3\. FAILED {2}signature.*\n +fix: .*clock/);
    expect(bad.output).toMatch(/5\. FAILED {2}source readable: .*none.*ENOENT.*\n +fix: /);
  });
});

/** Passes bytes on to a port until it is frozen: a network that loses everything, without a word to either end. */
