import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { simulatedSite } from "../../test/support/simulatedSite.ts";
import { changeFaults, noFaults } from "./faults.ts";
import type { JobEvent } from "./import/events.ts";
import { startSharePoint } from "./server.ts";
import { client } from "./testing/client.ts";
import { type FileSpec, packageOf } from "./testing/package-builder.ts";
import { until } from "./testing/waiting.ts";

const { azurite, sharePoint, finance, ids, at } = simulatedSite();

beforeEach(async () => void (await faults("DELETE")));

async function faults(method: "POST" | "DELETE", changes?: object) {
  const body = changes && JSON.stringify(changes);
  const url = `${sharePoint.url}/_simulator/faults`;
  const response = await fetch(url, { method, ...(body && { body }) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const set = (changes: object) => faults("POST", changes);

const names = (events: JobEvent[]) => events.map(({ Event }) => Event);
const itemAt = async (path: string) => (await finance.record()).find((item) => item.path === path);
const submit = async (...files: FileSpec[]) => {
  const spec = files.length > 0 ? files : [{ path: `${randomUUID()}.txt` }];
  const pkg = await packageOf(azurite.service, ids, { files: spec });
  return (await finance.submit(pkg, ids.webId)).body.value as string;
};
const run = async (...files: FileSpec[]) => finance.follow(await submit(...files));
const stateOf = async (id: string) =>
  (await finance.post("/_api/site/GetMigrationJobStatus", { id })).body.value;
/** Follows a job that does not end with the events that say so. */
const untilOver = async (id: string) => {
  await until(async () => (await stateOf(id)) === 0);
  return (await finance.events(id)).events;
};

describe("the switches", () => {
  it("are changed at run time, taken back, and refused if there is no such one", async () => {
    expect((await set({ throttleRate: 0.5, seed: 7 })).status).toBe(200);
    const refused = await Promise.all(
      [{ throttleRate: 2 }, { existing: "burn" }, { nonsense: 1 }].map(set),
    );
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect((await faults("DELETE")).body).toEqual(noFaults);
    expect(() => changeFaults(noFaults, { startDelayMs: "soon" })).toThrow(/startDelayMs/);
  });

  it("do the same for the same seed", async () => {
    const files = Array.from({ length: 40 }, (_, n) => ({ path: `seed ${n}.txt`, archive: 0 }));
    const failedWith = async (seed: number) => {
      const simulator = await startSharePoint({
        data: at(randomUUID()),
        libraries: [{ site: "finance", title: "Documents", folder: at(randomUUID()) }],
        faults: { itemErrorRate: 0.3, seed },
        log: () => {},
      });
      const other = client(simulator.url, "finance");
      const target = await other.ids();
      const pkg = await packageOf(azurite.service, target, { files, listItems: false });
      const events = await other.run(pkg, target.webId);
      await simulator.close();
      return events.filter(({ Event }) => Event === "JobError").map(({ Url }) => Url);
    };
    const [one, same, other] = [await failedWith(5), await failedWith(5), await failedWith(6)];
    expect(one.length).toBeGreaterThan(3);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });
});

describe("throttling", () => {
  it("answers 429 or 503 with Retry-After", async () => {
    for (const throttleStatus of [429, 503]) {
      await set({ throttleRate: 1, throttleStatus, retryAfterSeconds: 7 });
      const { status, headers } = await finance.call("/_api/web");
      expect([status, headers.get("retry-after")]).toEqual([throttleStatus, "7"]);
    }
  });

  it("tells in RateLimit headers what is left of the minute, from 80 % on", async () => {
    await set({ callsPerMinute: 5 });
    const seen: unknown[] = [];
    for (let call = 1; call <= 6; call++) {
      const { status, headers } = await finance.call("/_api/web");
      seen.push([status, headers.get("ratelimit-remaining"), headers.has("retry-after")]);
    }
    expect(seen).toEqual([
      ...Array.from({ length: 3 }, () => [200, null, false]),
      [200, "1", false],
      [200, "0", false],
      [429, "0", true],
    ]);
  });

  it("refuses to list a folder over the list view threshold", async () => {
    await run({ path: "1.txt" }, { path: "2.txt" });
    await set({ listViewThreshold: 1 });
    const url = "/_api/web/lists/getByTitle('Documents')/RootFolder/Files";
    const { status, body } = await finance.call(url);
    expect([status, body["odata.error"].code]).toEqual([
      500,
      "-2147024860, Microsoft.SharePoint.SPException",
    ]);
  });
});

describe("jobs that take their time", () => {
  it("are postponed once", async () => {
    await set({ postponeMs: 100 });
    const events = await run();
    expect(names(events).slice(0, 3)).toEqual(["JobQueued", "JobPostponed", "JobLogFileCreate"]);
    expect(events[1]?.NextPickupTime).toMatch(/^\d\d\/\d\d\/\d{4} /);
  });

  it("are slow with every file", async () => {
    await set({ slowImportMs: 300 });
    const id = await submit({ path: "slow.txt" });
    await until(async () => (await stateOf(id)) === 4);
    expect(names((await finance.events(id)).events)).not.toContain("JobEnd");
    await set({ slowImportMs: 0 });
    expect((await finance.follow(id)).at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
  });
});

describe("events", () => {
  it("are reported twice", async () => {
    await set({ duplicateEventRate: 1 });
    const events = await untilOver(await submit());
    expect(names(events)).toEqual(
      ["JobQueued", "JobLogFileCreate", "JobStart", "JobProgress", "JobEnd"].flatMap((name) => [
        name,
        name,
      ]),
    );
  });

  it("are reported out of order, JobEnd before what led to it", async () => {
    await set({ reorderEventRate: 1 });
    const events = await untilOver(await submit({ path: "a:b.txt" }));
    expect(names(events)).toEqual(
      "JobLogFileCreate JobQueued JobError JobStart JobEnd JobProgress".split(" "),
    );
  });

  it("are late: the status says that the job is over, its events do not yet", async () => {
    await set({ lateEventsMs: 700 });
    const id = await submit();
    const events = await untilOver(id);
    expect(names(events)).not.toContain("JobEnd");
    expect((await finance.follow(id)).at(-1)).toMatchObject({ Event: "JobEnd" });
  });

  it("lack JobEnd: only the status says that the job is over", async () => {
    await set({ dropJobEnd: true });
    const events = await untilOver(await submit());
    expect(names(events).at(-1)).toBe("JobProgress");
  });
});

describe("failures", () => {
  it("of files at random", async () => {
    await set({ itemErrorRate: 0.3 });
    const files = Array.from({ length: 100 }, (_, n) => ({ path: `random ${n}.txt`, archive: 0 }));
    const last = (await run(...files)).at(-1);
    expect(last?.Event).toBe("JobEnd");
    expect(Number(last?.TotalErrors)).toBeGreaterThan(5);
    expect(Number(last?.TotalErrors) + Number(last?.FilesCreated)).toBe(100);
  });

  it("of a job, with half of its objects imported", async () => {
    await set({ fatalErrorRate: 1 });
    const files = [1, 2, 3, 4].map((n) => ({ path: `half ${n}.txt` }));
    expect((await run(...files)).at(-1)).toMatchObject({
      Event: "JobFatalError",
      ErrorCode: "-2147213196",
      Message: "Operation canceled",
    });
    const arrived = (await finance.record()).filter(({ path }) => path.startsWith("half"));
    expect(arrived.map(({ state }) => state)).toEqual(["present", "present"]);
  });
});

describe("a file whose id is there already", () => {
  const again = async (existing: string, path: string) => {
    const id = randomUUID();
    const versions = [{ label: "1.0", content: "first" }];
    await run({ path, id, content: "second", versions });
    await set({ existing });
    const events = await run({ path, id, content: "third", attributes: { ModifiedBy: 9 } });
    return { events, item: await itemAt(path) };
  };
  const labels = (item: Awaited<ReturnType<typeof itemAt>>) =>
    item?.versions.map(({ label, size }) => [label, size]);

  it("is replaced, with all its versions", async () => {
    const { item } = await again("replace", "replaced.txt");
    expect(labels(item)).toEqual([["1.0", 5]]);
  });

  it("gets further versions", async () => {
    const { item } = await again("append", "appended.txt");
    expect(item?.version).toBe("3.0");
    expect(labels(item)).toEqual([
      ["1.0", 5],
      ["2.0", 6],
      ["3.0", 5],
    ]);
  });

  it("is refused", async () => {
    const { events, item } = await again("refuse", "refused.txt");
    expect(events.find(({ Event }) => Event === "JobError")?.ErrorCode).toBe("-2147024816");
    expect(item?.size).toBe(6);
  });

  it("is a conflict while it is in the recycle bin", async () => {
    await set({ recycleBinConflict: true });
    const file = { path: "binned.txt", id: randomUUID() };
    await run(file);
    await rm(at("library", file.path));
    const errorsOf = async () =>
      (await run(file)).filter(({ Event }) => Event === "JobError").map(({ Message }) => Message);
    const conflict = `An item with the id ${file.id} is in the recycle bin`;
    expect(await errorsOf()).toEqual([conflict]);
    await set({ recycleBinConflict: false });
    expect(await errorsOf()).toEqual([conflict]);
    await finance.post("/_api/web/recyclebin/deleteAll()", {});
    expect(await errorsOf()).toEqual([]);
  });
});

describe("logins that belong to nobody", () => {
  it("cannot be ensured, and are taken from UserGroup.xml with a warning", async () => {
    await set({ unknownLogins: ["ada@contoso.com"] });
    const logonName = "i:0#.f|membership|Ada@contoso.com";
    expect((await finance.post("/_api/web/ensureuser", { logonName })).status).toBe(500);
    const events = await run({ path: "left.txt" });
    expect(events.find(({ Event }) => Event === "JobWarning")?.Message).toBe(
      "Failed to retrieve user 'i:0#.f|membership|ada@contoso.com' attributes from the SiteUsers; falling back to passed in values",
    );
    expect((await itemAt("left.txt"))?.author).toBe("i:0#.f|membership|ada@contoso.com");
  });
});

describe("strictness", () => {
  const odd = () =>
    packageOf(azurite.service, ids, {
      files: [{ path: `${randomUUID()}.txt`, put: { snapshot: false } }],
      change: (name, text) => (/Lookup|Views/.test(name) ? undefined : text),
    });

  it("lenient: no snapshots, no optional files and another web are no warning", async () => {
    await set({ strictness: "lenient" });
    const events = await finance.run(await odd(), randomUUID());
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "0" });
  });

  it("strict: what the docs demand is demanded", async () => {
    await set({ strictness: "strict" });
    expect((await finance.submit(await odd(), randomUUID())).status).toBe(400);
    const azureQueueReportUri = "https://q.queue.core.windows.net/q?sp=raup&sig=x";
    const { status } = await finance.submit(await odd(), ids.webId, { azureQueueReportUri });
    expect(status).toBe(400);
    const untyped = await packageOf(azurite.service, ids, {
      change: (_name, text) => text.replace(' SourceType="FileShare"', ""),
    });
    const events = await finance.run(untyped, ids.webId);
    expect(events.at(-1)).toMatchObject({
      Event: "JobFatalError",
      Message: "The source type is not specified",
    });
  });
});

describe("everything at once", () => {
  it("is survived by a client that is patient and takes events as hints", async () => {
    await set({
      ...{ startDelayMs: 100, postponeMs: 100, slowImportMs: 5, lateEventsMs: 200 },
      ...{ duplicateEventRate: 0.5, reorderEventRate: 0.5, dropJobEnd: true, itemErrorRate: 0.1 },
      ...{ existing: "append", recycleBinConflict: true },
    });
    const files = Array.from({ length: 50 }, (_, n) => ({ path: `all ${n}.txt`, archive: 0 }));
    await untilOver(await submit(...files));
    const arrived = (await finance.record()).filter(({ path }) => path.startsWith("all "));
    expect(arrived.length).toBeGreaterThan(30);
    expect(arrived.every(({ state, importCount }) => `${state}${importCount}` === "present1")).toBe(
      true,
    );
  });
});
