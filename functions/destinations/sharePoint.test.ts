import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { encryptBuffer } from "../../shared/package/cipher.ts";
import { writeManifests } from "../../shared/package/manifest/index.ts";
import {
  target as exampleTarget,
  file,
  folder,
  NOON,
  planInput,
} from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { uniquePrefix } from "../../test/support/storage.ts";
import { packageManifest } from "../domain/packageManifest.ts";
import { planSegment } from "../domain/plan.ts";
import type { Target } from "../domain/records.ts";
import { sasUrl } from "../security/sas.ts";
import { openTable } from "../stores/documents.ts";
import { ThrottleStore } from "../stores/throttle.ts";
import { isFatal, isTerminal } from "./jobEvents.ts";
import { SharePointDestination } from "./sharePoint.ts";

let around: Surroundings;
let app: TestServices;
let target: Target;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
  target = await resolve();
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
afterEach(async () => {
  await around.faults({ throttleRate: 0, callsPerMinute: 0, dropJobEnd: false, startDelayMs: 0 });
  for (const close of closing.splice(0)) await close();
});

const resolve = (more: object = {}) =>
  app.destination.resolve({ siteUrl: around.siteUrl, library: "Documents", folder: "", ...more });

/** A budget that no other test has spent anything of. */
const budget = async () =>
  new ThrottleStore(await openTable(around.storage.connection, `${uniquePrefix()}Budget`));

/** A server that answers as the test says, for what no real one does on demand. */
async function answering(listener: RequestListener): Promise<Target> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return exampleTarget({ origin: `http://127.0.0.1:${port}/sites/finance` });
}
const json =
  (status: number, body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

/** Uploads a package of these files, as agent and control plane do, and returns what `submit` takes. */
async function packageOf(...paths: string[]) {
  const key = Buffer.alloc(32, 7);
  const name = `package-${Math.random().toString(36).slice(2)}`;
  const [data, manifest] = ["d", "m"].map((kind) =>
    app.packageBlobs.getContainerClient(`${name}-${kind}`),
  ) as [
    ReturnType<typeof app.packageBlobs.getContainerClient>,
    ReturnType<typeof app.packageBlobs.getContainerClient>,
  ];
  await Promise.all([data.create(), manifest.create()]);
  const put = async (container: typeof data, blobName: string, plain: Buffer) => {
    const { iv, data: body, md5 } = encryptBuffer(key, plain);
    const blob = container.getBlockBlobClient(blobName);
    await blob.upload(body, body.length, { metadata: { IV: iv.toString("base64") } });
    await blob.createSnapshot();
    return { iv: iv.toString("base64"), md5 };
  };
  const folders = [...new Set(paths.flatMap((path) => path.split("/").slice(0, -1)))];
  const entries = [...folders.map((path) => folder(path)), ...paths.map((path) => file(path))];
  const plan = planSegment(planInput({ entries, target }));
  const files = await Promise.all(
    paths.map(async (path, n) => ({
      ...{ status: "uploaded" as const, index: folders.length + n, blob: `${n}.dat` },
      ...{ size: path.length, modified: NOON },
      ...(await put(data, `${n}.dat`, Buffer.from("x".repeat(path.length)))),
    })),
  );
  const upload = { kind: "upload" as const, files, archives: [] };
  const input = packageManifest(plan, upload, target, { source: "/srv", startedAt: NOON });
  for (const each of writeManifests(input)) await put(manifest, each.name, each.xml);
  return {
    plan,
    files: {
      dataUrl: await sasUrl(data, "sharePointReadsData", Date.now()),
      manifestUrl: await sasUrl(manifest, "sharePointReadsManifest", Date.now()),
      key: key.toString("base64"),
    },
  };
}
async function ended(job: string): Promise<void> {
  for (let token = "0"; ; ) {
    const page = await app.destination.progress(target, job, token);
    if (page?.events.some(isTerminal)) return;
    token = page?.token ?? token;
    await new Promise((done) => setTimeout(done, 20));
  }
}

describe("resolving a destination", () => {
  it("finds site, library and ids", () => {
    expect(target).toMatchObject({
      ...{ origin: around.siteUrl, siteUrl: "/sites/finance", webUrl: "/sites/finance" },
      ...{ listTitle: "Documents", rootFolderUrl: "/sites/finance/Shared Documents", folders: [] },
    });
    for (const id of [target.siteId, target.webId, target.listId, target.rootFolderId])
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("finds the folders of the destination, as far as they are there", async () => {
    mkdirSync(join(around.library, "Old", "It's 100% # new"), { recursive: true });
    const { folders } = await resolve({ folder: "Old/It's 100% # new/Not yet" });
    expect(folders).toEqual([
      { path: "Old", id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      { path: "Old/It's 100% # new", id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      { path: "Old/It's 100% # new/Not yet" },
    ]);
  });

  it("says which library is missing", async () => {
    const missing = resolve({ library: "Bob's" });
    await expect(missing).rejects.toMatchObject({ code: "DESTINATION_NOT_FOUND" });
    await expect(missing).rejects.toThrow('the library "Bob\'s" of ');
  });

  it("says that the site is missing", async () => {
    const missing = resolve({ siteUrl: `${around.sharePoint.url}/sites/nowhere` });
    await expect(missing).rejects.toMatchObject({ code: "DESTINATION_NOT_FOUND" });
    await expect(missing).rejects.toThrow(/^the site .*nowhere does not exist/);
  });

  it.each([401, 403])("says that SharePoint answered %i", async (status) => {
    const { origin } = await answering(
      json(status, {
        error: { code: "-2147024891", message: { lang: "en", value: "Access denied." } },
      }),
    );
    const refused = resolve({ siteUrl: origin });
    await expect(refused).rejects.toMatchObject({ code: "DESTINATION_ACCESS_DENIED" });
    await expect(refused).rejects.toThrow(`Access denied. (HTTP ${status})`);
  });

  it("does not take a sign-in page for an answer", async () => {
    const { origin } = await answering(json(200, "<html>Sign in</html>"));
    const answer = resolve({ siteUrl: origin });
    await expect(answer).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(answer).rejects.toThrow("is not understood");
  });
});

describe("requests", () => {
  it("wait when they are throttled, for as long as SharePoint says", async () => {
    let throttled = 0;
    const times: number[] = [];
    const there = await answering((request, response) => {
      times.push(performance.now());
      if (throttled++ > 0) return json(200, { UniqueId: "ABC" })(request, response);
      response.writeHead(429, { "retry-after": "1" });
      response.end();
    });
    expect(await app.destination.findFolder(there, "a")).toBe("abc");
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(990);
  });

  it("get through a SharePoint that throttles one in ten", async () => {
    await around.faults({ throttleRate: 0.1, retryAfterSeconds: 0 });
    for (let n = 0; n < 10; n++) expect((await resolve()).listId).toBe(target.listId);
  });

  it("are not slept through for long: the caller hears until when to wait, and nobody else asks meanwhile", async () => {
    let asked = 0;
    const there = await answering((_request, response) => {
      asked++;
      response.writeHead(503, { "retry-after": "300" });
      response.end();
    });
    const began = Date.now();
    const first = await app.destination.findFolder(there, "a").catch((error) => error);
    expect(first).toMatchObject({ code: "THROTTLED" });
    const until = Date.parse(/until (\S+)$/.exec(first.message)?.[1] ?? "");
    expect(until - began).toBeGreaterThan(299_000);
    expect(until - began).toBeLessThan(305_000);
    expect(asked).toBe(1);
    await expect(app.destination.findFolder(there, "b")).rejects.toMatchObject({
      code: "THROTTLED",
    });
    expect(asked).toBe(1);
    expect(await app.destination.throttledUntil(there.origin)).toBe(new Date(until).toISOString());
    expect(await app.destination.throttledUntil(target.origin)).toBeUndefined();
  });

  it("stop before SharePoint has to refuse one, in all processes of the app together", async () => {
    const table = await openTable(around.storage.connection, `${uniquePrefix()}Budget`);
    const crowd = [1, 2, 3].map(
      () => new SharePointDestination(around.credential, new ThrottleStore(table)),
    );
    await around.faults({ callsPerMinute: 40 });
    let sent = 0;
    let refused = 0;
    const { fetch } = globalThis;
    globalThis.fetch = async (...of) => {
      const response = await fetch(...of);
      if (response.status === 429) refused++;
      return response;
    };
    closing.push(async () => {
      globalThis.fetch = fetch;
    });
    const told = new Set<SharePointDestination>();
    for (let turn = 0; told.size < crowd.length; turn++) {
      const each = crowd[turn % crowd.length] as SharePointDestination;
      if (told.has(each)) continue;
      await each.findFolder(target, "nowhere").then(
        () => sent++,
        (error: { code: string }) => {
          expect(error.code).toBe("THROTTLED");
          told.add(each);
        },
      );
    }
    expect({ sent, refused }).toEqual({ sent: 40, refused: 0 });
    for (const each of crowd) expect(await each.throttledUntil(target.origin)).toBeDefined();
  });

  it("carry a token and the decorated user agent", async () => {
    const seen: Record<string, unknown>[] = [];
    const there = await answering((request, response) => {
      seen.push(request.headers);
      json(200, { UniqueId: "a" })(request, response);
    });
    await app.destination.findFolder(there, "a");
    expect(seen[0]).toMatchObject({
      ...{ authorization: expect.stringMatching(/^Bearer .{20,}/) },
      ...{
        accept: "application/json;odata=nometadata",
        "user-agent": expect.stringMatching(/^NONISV\|/),
      },
    });
  });

  it("ask for a token again when the identity fails once", async () => {
    let asked = 0;
    const shaky = {
      getToken: async (scopes: string | string[]) => {
        if (asked++ === 0) throw new Error("identity endpoint is starting");
        return around.credential.getToken(scopes);
      },
    };
    const destination = new SharePointDestination(shaky, await budget());
    expect(await destination.findFolder(target, "nowhere")).toBeUndefined();
    expect(asked).toBe(2);
  });
});

describe("a job", () => {
  it("is submitted, followed page by page, and told from the beginning", async () => {
    const pkg = await packageOf("one.txt", "sub/two.txt");
    const job = await app.destination.submit(target, pkg.files);
    expect(job).toMatch(/^[0-9a-f-]{36}$/);
    await ended(job);
    const events = await app.destination.events(target, job);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["JobQueued", "JobStart", "JobEnd"]),
    );
    const end = events.find(({ event }) => event === "JobEnd");
    expect(end).toMatchObject({ filesCreated: 2, totalErrors: 0 });
    const first = await app.destination.progress(target, job, "0");
    const nothingNew = await app.destination.progress(target, job, first?.token as string);
    expect(nothingNew).toEqual({ events: [], token: first?.token });
  });

  it("is over when SharePoint says so, also when its end is never told", async () => {
    await around.faults({ dropJobEnd: true });
    const { files } = await packageOf("three.txt");
    await around.faults({ startDelayMs: 300 });
    const job = await app.destination.submit(target, files);
    expect(await app.destination.isOver(target, job)).toBe(false);
    for (let n = 0; !(await app.destination.isOver(target, job)); n++) {
      expect(n).toBeLessThan(200);
      await new Promise((done) => setTimeout(done, 25));
    }
    const events = await app.destination.events(target, job);
    expect(events.some(isTerminal)).toBe(false);
  });

  it("is taken back before it starts", async () => {
    const { files } = await packageOf("taken-back.txt");
    await around.faults({ startDelayMs: 60_000 });
    const job = await app.destination.submit(target, files);
    expect(await app.destination.cancelJob(target, job)).toBe(true);
    expect(await app.destination.isOver(target, job)).toBe(true);
    const events = await app.destination.events(target, job);
    expect(events.some(isFatal)).toBe(true);
    expect(await app.destination.findFile(target, "taken-back.txt")).toBeUndefined();
    expect(await app.destination.cancelJob(target, job)).toBe(false);
  });

  it.each([
    [200, { value: true }, true],
    [200, { d: { DeleteMigrationJob: true } }, true],
    [200, { d: { DeleteMigrationJob: "false" } }, false],
    [404, {}, false],
    [500, { error: { code: "-2147213145, Microsoft.SharePoint.SPException" } }, false],
  ])("says by %i %j whether it was taken back", async (status, body, gone) => {
    expect(await app.destination.cancelJob(await answering(json(status, body)), "j")).toBe(gone);
  });

  it("that SharePoint does not know is undefined, at once", async () => {
    const unknown = "11111111-1111-4111-8111-111111111111";
    expect(await app.destination.progress(target, unknown, "0")).toBeUndefined();
    expect(await app.destination.events(target, unknown)).toEqual([]);
    expect(await app.destination.isOver(target, unknown)).toBe(true);
  });

  it("whose news have expired is undefined, too", async () => {
    const there = await answering(
      json(500, {
        error: {
          code: "-2147213146, Microsoft.SharePoint.SPException",
          message: { lang: "en-US", value: "Job status expired" },
        },
      }),
    );
    expect(await app.destination.progress(there, "j", "7")).toBeUndefined();
  });

  it("that cannot be asked about is not over", async () => {
    const there = await answering(json(404, {}));
    expect(await app.destination.isOver(there, "j")).toBe(false);
  });

  it("is refused with containers that were used already, without a second try", async () => {
    const { files } = await packageOf("four.txt");
    await app.destination.submit(target, files);
    const again = app.destination.submit(target, files);
    await expect(again).rejects.toMatchObject({ code: "SUBMIT_FAILED" });
    await expect(again).rejects.toThrow(/already used by migration job .* \(HTTP 400\)/);
  });

  it("is submitted once: no answer, or a broken one, is not asked for again", async () => {
    let requests = 0;
    const there = await answering((request, response) => {
      requests++;
      if (requests === 1) request.socket.destroy();
      else json(502, "bad gateway")(request, response);
    });
    const { files } = await packageOf("five.txt");
    await expect(app.destination.submit(there, files)).rejects.toMatchObject({
      code: "DESTINATION_UNREACHABLE",
    });
    expect(requests).toBe(1);
    await expect(app.destination.submit(there, files)).rejects.toMatchObject({
      code: "SUBMIT_FAILED",
    });
    expect(requests).toBe(2);
  });

  it("that is refused says neither key nor signature, however SharePoint quotes them", async () => {
    const { files } = await packageOf("six.txt");
    const there = await answering((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const value = `cannot use ${Buffer.concat(chunks).toString().replaceAll('"', "'")}`;
        json(400, { error: { message: { value } } })(request, response);
      });
    });
    const error = (await app.destination.submit(there, files).catch((reason) => reason)) as Error;
    expect(error.message).toContain("cannot use");
    expect(error.message).not.toContain(files.key);
    expect(error.message).not.toContain(new URL(files.dataUrl).searchParams.get("sig"));
    for (const url of [files.dataUrl, files.manifestUrl])
      expect(error.message).not.toContain(/sig=([^&]+)/.exec(url)?.[1]);
  });

  it.each([401, 403])("refused with %i is a matter of rights", async (status) => {
    const there = await answering(json(status, {}));
    const { files } = await packageOf("seven.txt");
    await expect(app.destination.submit(there, files)).rejects.toMatchObject({
      code: "DESTINATION_ACCESS_DENIED",
    });
  });
});

describe("items at the destination", () => {
  const UGLY = [
    "plain.txt",
    "it's.txt",
    "''.txt",
    "100% sure #1 & more.txt",
    "a+b=c;d,e@f!.txt",
    "übung – 日本語 😀.txt",
    "[brackets] {braces} (parens).txt",
    "..dots..a",
    "%41%2F.txt",
  ];

  it("are found by any name, with size and time", async () => {
    const paths = UGLY.flatMap((name) => [name, `folder's %20/${name}`]);
    const { plan, files } = await packageOf(...paths);
    await ended(await app.destination.submit(target, files));
    for (const item of plan.items) {
      if (item.kind === "folder") {
        expect(await app.destination.findFolder(target, item.path)).toBe(item.id);
        continue;
      }
      expect(await app.destination.findFile(target, item.path)).toEqual({
        ...{ id: item.id, size: item.path.length, modified: NOON },
      });
    }
  });

  it("that are not there are not found", async () => {
    writeFileSync(join(around.library, "by-hand.txt"), "x");
    expect(await app.destination.findFile(target, "no such.txt")).toBeUndefined();
    expect(await app.destination.findFolder(target, "no such")).toBeUndefined();
    expect(await app.destination.findFolder(target, "by-hand.txt")).toBeUndefined();
    expect(await app.destination.findFile(target, "by-hand.txt")).toMatchObject({ size: 1 });
  });

  it("are listed by lower-case name, files and folders, page by page", async () => {
    mkdirSync(join(around.library, "Listed/Sub Folder"), { recursive: true });
    writeFileSync(join(around.library, "Listed/Ünïcode.TXT"), "four");
    for (let n = 0; n < 5; n++) writeFileSync(join(around.library, `Listed/${n}.txt`), "x");
    const listed = await app.destination.listFolder(target, "Listed");
    expect([...(listed?.keys() ?? [])].toSorted()).toEqual(
      ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt", "sub folder", "ünïcode.txt"].toSorted(),
    );
    const there = await app.destination.findFile(target, "Listed/Ünïcode.TXT");
    expect(listed?.get("ünïcode.txt")).toEqual({ kind: "file", ...there });
    expect(listed?.get("sub folder")).toMatchObject({
      ...{ kind: "folder", size: 0 },
      id: await app.destination.findFolder(target, "Listed/Sub Folder"),
    });
    expect(await app.destination.listFolder(target, "")).toBeDefined();
    expect(await app.destination.listFolder(target, "Listed/nowhere")).toBeUndefined();
  });

  it("are listed over several pages, and in the verbose form", async () => {
    const asked: string[] = [];
    const there = await answering((request, response) => {
      const url = new URL(`http://x${request.url}`);
      asked.push(`${url.pathname.split("/").at(-1)} ${url.searchParams.get("$skip")}`);
      const isFiles = url.pathname.endsWith("/Files");
      const count = isFiles && url.searchParams.get("$skip") === "0" ? 2000 : 3;
      const results = Array.from({ length: count }, (_, n) => ({
        __metadata: {},
        ...{ UniqueId: "ABC", Name: `${url.searchParams.get("$skip")}-${n}`, Length: "7" },
        TimeLastModified: "2024-06-01T12:00:00Z",
      }));
      json(200, { d: { results } })(request, response);
    });
    const listed = await app.destination.listFolder(there, "big");
    expect(asked).toEqual(["Folders 0", "Files 0", "Files 2000"]);
    expect(listed?.size).toBe(2003);
    expect(listed?.get("2000-2")).toEqual({ id: "abc", kind: "file", size: 7, modified: NOON });
  });

  it("are not listed beyond the threshold of SharePoint, which is no outage", async () => {
    const there = await answering(
      json(500, {
        "odata.error": {
          code: "-2147024860, Microsoft.SharePoint.SPQueryThrottledException",
          message: { lang: "en-US", value: "The attempted operation is prohibited" },
        },
      }),
    );
    await expect(app.destination.listFolder(there, "huge")).rejects.toMatchObject({
      code: "DESTINATION_FOLDER_TOO_LARGE",
    });
  });

  it.each([404, 400, 414])("are not there when SharePoint answers %i", async (status) => {
    const there = await answering(json(status, {}));
    expect(await app.destination.findFile(there, "a")).toBeUndefined();
    expect(await app.destination.findFolder(there, "a")).toBeUndefined();
  });

  it("are not asked for in vain: what is no answer is an error", async () => {
    const there = await answering(json(409, {}));
    await expect(app.destination.findFile(there, "a")).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

describe("the verbose form of OData", () => {
  const d = (value: unknown) => json(200, { d: value });

  it("is understood for entities", async () => {
    const there = await answering(
      d({
        __metadata: { type: "SP.File" },
        UniqueId: "ABC",
        Length: "12",
        TimeLastModified: "2024-06-01T12:00:00Z",
      }),
    );
    expect(await app.destination.findFile(there, "a")).toEqual({
      id: "abc",
      size: 12,
      modified: NOON,
    });
  });

  it("is understood for progress, whose logs are wrapped", async () => {
    const there = await answering(
      d({
        GetMigrationJobProgress: {
          __metadata: { type: "SP.MigrationJobProgress" },
          Logs: { __metadata: { type: "Collection(Edm.String)" }, results: ['{"Event":"JobEnd"}'] },
          NextToken: 1764,
        },
      }),
    );
    const page = await app.destination.progress(there, "j", "0");
    expect(page).toMatchObject({ token: "1764", events: [{ event: "JobEnd" }] });
  });

  it.each([
    ["nometadata", { value: "3E280EFA-78A3-4BA1-BAC6-E447AA538CA5" }],
    ["verbose", { d: { CreateMigrationJobEncrypted: "3e280efa-78a3-4ba1-bac6-e447aa538ca5" } }],
  ])("names the new job in %s, too", async (_form, body) => {
    const there = await answering(json(200, body));
    const { files } = await packageOf("eight.txt");
    expect(await app.destination.submit(there, files)).toBe("3e280efa-78a3-4ba1-bac6-e447aa538ca5");
  });

  it.each([{ value: "00000000-0000-0000-0000-000000000000" }, { value: null }, {}])(
    "%j names no job",
    async (body) => {
      const there = await answering(json(200, body));
      const { files } = await packageOf("nine.txt");
      await expect(app.destination.submit(there, files)).rejects.toMatchObject({
        code: "SUBMIT_FAILED",
      });
    },
  );

  it.each([
    [{ value: 0 }, true],
    [{ value: 2 }, false],
    [{ value: 4 }, false],
    [{ d: { GetMigrationJobStatus: 0 } }, true],
    [{ d: { GetMigrationJobStatus: 4 } }, false],
  ])("says in %j whether a job is over", async (body, over) => {
    expect(await app.destination.isOver(await answering(json(200, body)), "j")).toBe(over);
  });
});
