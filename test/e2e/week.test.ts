/**
 * An administrator's week, through the API and the file system only: a bulk import with mistakes, a scan, schedules, pause and
 * resume in the middle, agents that join and leave, changes at the sources and incremental rounds, reports. Every number is
 * held against books that are kept beside the product (support/week/books.ts).
 */
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { walk } from "./support/tree.ts";
import { byFate, type Rules, totalsOf } from "./support/week/books.ts";
import { type Company, type Json, openCompany, poll } from "./support/week/company.ts";
import { enrol, type JoinedAgent } from "./support/week/crew.ts";
import { ok } from "./support/week/people.ts";
import { aggregateCells, download } from "./support/week/rounds.ts";
import { documentPath, makeArchive, makeShare, setTime, write } from "./support/week/shares.ts";
import { readZip } from "./support/week/zip.ts";

const HEADER = "FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder";
const DEPARTMENTS = { Finance: 300, Marketing: 160, HR: 60, Legal: 20, Press: 20, Vault: 20 };
/** What the company and the session set for all tasks. */
const RULES: Rules = { excludeExtensions: ["tmp", "bak"], excludeFolders: ["cache"] };

let company: Company;
let session: string;
let secret: string;
/** Ids of tasks by department. */
const tasks: Record<string, string> = {};
const agents: Record<string, JoinedAgent> = {};
/** When the recurring schedule is due for the first time. */
let dueFirst: number;
/** Why items of the archive are not migrated. */
let troubles: Map<string, string>;

const view = async (department: string): Promise<Json> =>
  ok(company.reader.get(`tasks/${tasks[department]}`));
const act = (department: string, action: string) =>
  ok(company.operator.post(`tasks/${tasks[department]}/${action}`), 202);
const patch = (department: string, body: object) =>
  ok(company.operator.change("PATCH", `tasks/${tasks[department]}`, body));
const inState = (department: string, ...states: string[]) =>
  company.inState(tasks[department] as string, ...states);
const until = (department: string, wanted: (task: Json) => boolean) =>
  company.until(tasks[department] as string, wanted);
const expected = (department: string, rules: Rules = RULES) =>
  company.books(department).expect(rules);
const check = (department: string, round: number, expectation = expected(department)) =>
  company.check(department, tasks[department] as string, round, expectation);
const devices = (rows: readonly Record<string, string>[]) =>
  new Set(rows.map((row) => row["Device name"]).filter(Boolean));

beforeAll(async () => {
  company = await openCompany();
  for (const [department, documents] of Object.entries(DEPARTMENTS))
    makeShare(company.share(department), documents);
}, 300_000);

afterAll(() => company?.close(), 60_000);

/** One day builds on the other: what comes after a step that failed is not tried, and waits for nothing. */
let failed: string | undefined;
function step(name: string, run: () => void | Promise<void>, milliseconds?: number): void {
  const tryIt = async () => {
    if (failed) throw new Error(`not tried: "${failed}" has failed`);
    failed = name;
    await run();
    failed = undefined;
  };
  it(name, tryIt, milliseconds);
}

describe("Monday", () => {
  step(
    "brings two agents, and no more than the token allows",
    async () => {
      const { administrator, operator, workspace, controlPlane: url } = company;
      // The agent of npm start itself is not used.
      const { agents: own } = await ok(administrator.get("agents"));
      expect(own).toMatchObject([{ name: "agent-1", state: "Enabled" }]);
      const disabled = { enabled: false };
      const spare = await ok(administrator.change("PATCH", `agents/${own[0].id}`, disabled));
      expect(spare).toMatchObject({ state: "Disabled", reason: expect.stringMatching(/\w/) });

      expect((await operator.post("enrolment-tokens", { uses: 2 })).status).toBe(403);
      const { token } = await ok(administrator.post("enrolment-tokens", { uses: 2 }), 201);
      for (const name of ["harbour", "quay"]) agents[name] = await company.join(name, token);
      expect(enrol(workspace, { url, token, name: "stowaway" })).toEqual({
        refused: expect.stringContaining("Create a new enrolment token"),
      });
      const list = await poll(
        company.reader,
        "agents",
        ({ agents }) => agents.filter(({ state }: Json) => state === "Enabled").length === 2,
      );
      const names = list.agents.map(({ name }: Json) => name);
      expect(names.sort()).toEqual(["agent-1", "harbour", "quay"]);
      expect(await ok(company.reader.get("agent-groups"))).toMatchObject({
        groups: [{ name: "default", agents: 3, active: 2, freeSlots: 8 }],
      });
    },
    120_000,
  );

  step("sets what counts for all, and what counts for a session", async () => {
    const { administrator, operator, reader, receiver } = company;
    const settings = { excludeExtensions: "tmp:bak" };
    expect((await operator.change("PUT", "settings", settings)).status).toBe(403);
    await ok(administrator.change("PUT", "settings", settings));
    expect((await reader.post("sessions", { name: "Mine" })).json).toMatchObject({
      ...{ status: 403, code: "FORBIDDEN", detail: expect.stringContaining("operator") },
    });
    const body = {
      name: "Headquarters",
      settings: { excludeFolders: ["cache"], packageItems: 10, parallelPackages: 2 },
    };
    session = (await ok(operator.post("sessions", body), 201)).id;
    expect(await ok(reader.get("sessions"))).toMatchObject({ sessions: [{ id: session }] });
    ({ secret } = await ok(administrator.post("webhooks", { url: receiver.url }), 201));
  });

  step("imports a file of tasks, which has to be corrected first", async () => {
    const { operator, reader, site } = company;
    const row = (department: string, { b = "", c = "", url = site, library = "Documents" } = {}) =>
      `${company.share(department)},${b},${c},${url},${library},${department}`;
    const bad = [
      HEADER,
      row("Finance"),
      row("HR"),
      row("Legal", { url: "fileserver/sites/legal" }),
      row("Marketing", { library: "" }),
      `${company.share("Finance")}/,,,${site}/,documents,finance`,
      row("Press", { b: "lists", c: "news" }),
    ];
    const path = `sessions/${session}/tasks/bulk`;
    const send = (lines: string[], query = "") =>
      ok(operator.upload(`${path}${query}`, "text/csv", `\ufeff${lines.join("\r\n")}\r\n`));
    const listed = async () => (await ok(reader.get(`sessions/${session}/tasks`))).tasks;

    const refused = await send(bad);
    expect(refused).toMatchObject({
      ...{ format: "migration-manager-csv", mode: "all-or-nothing", rows: 6 },
      ...{ created: 0, valid: 2, invalid: 3, duplicates: 1 },
    });
    const told = refused.problems.map(({ row, column, value }: Json) => [row, column, value]);
    expect(told).toEqual([
      [4, "D (SharePointSite)", "fileserver/sites/legal"],
      [5, "E (DocLibrary)", ""],
      [6, "A (FileSharePath)", `${company.share("Finance")}/`],
      [7, "B", "lists"],
      [7, "C", "news"],
    ]);
    expect(refused.problems.map(({ message }: Json) => message)).toEqual([
      "must be an https URL, or the e-mail address of a OneDrive",
      "is missing",
      "row 2 has the same source and destination",
      "must be empty: it is not for file shares",
      "must be empty: it is not for file shares",
    ]);
    for (const { fix } of refused.problems) expect(fix).toMatch(/^[A-Z].{10,}\.$/);
    expect(await listed()).toEqual([]);

    const file = await download(reader, refused.resultFile.replace(/^v1\//, ""));
    expect(file.rows.map(({ Row, Status, Source }) => [Row, Status, Source])).toEqual([
      ["2", "valid", company.share("Finance")],
      ["3", "valid", company.share("HR")],
      ["4", "invalid", company.share("Legal")],
      ["5", "invalid", company.share("Marketing")],
      ["6", "duplicate", `${company.share("Finance")}/`],
      ["7", "invalid", company.share("Press")],
    ]);
    for (const { row, column, message, fix } of refused.problems)
      expect(file.rows[row - 2]?.Problems).toContain(`${column}: ${message}. ${fix}`);

    // The good ones now, the others when they are corrected.
    const some = await send(bad, "?mode=valid-only");
    expect(some).toMatchObject({ created: 2, valid: 0, invalid: 3, duplicates: 1 });
    const good = [HEADER, row("Legal"), row("Marketing"), row("Press")];
    const tried = await send(good, "?dryRun=true");
    expect(tried).toMatchObject({ dryRun: true, created: 0, valid: 3, problems: [] });
    expect((await listed()).length).toBe(2);
    expect(await send(good)).toMatchObject({ created: 3, valid: 0, invalid: 0, problems: [] });
    const again = await send([HEADER, row("HR"), row("Vault")]);
    expect(again).toMatchObject({ created: 0, valid: 1, duplicates: 1 });

    for (const { id, name, source, destination, state } of await listed()) {
      tasks[name] = id;
      expect({ source, destination, state }).toEqual({
        source: company.share(name),
        destination: { siteUrl: site, library: "Documents", folder: name },
        state: "Scheduled",
      });
    }
    expect(Object.keys(tasks).sort()).toEqual(["Finance", "HR", "Legal", "Marketing", "Press"]);
    expect(again.results[0]).toEqual({ row: 2, status: "duplicate", task: tasks.HR });
    for (const department of ["Finance", "HR"]) await patch(department, { tags: ["wave-1"] });
  });

  step("shows of every setting where it comes from", async () => {
    // Slow, so that it can be cancelled in the middle.
    await patch("Marketing", { settings: { packageItems: 3, parallelPackages: 1 } });
    const { effective, waitingFor } = await view("Marketing");
    expect(effective).toMatchObject({
      excludeExtensions: { value: "tmp:bak", from: "global" },
      excludeFolders: { value: ["cache"], from: "session" },
      packageItems: { value: 3, from: "task" },
      migrateHidden: { value: true, from: "default" },
    });
    expect(waitingFor).toEqual({
      reason: "it waits to be run",
      remedy: "Run it, or give it a schedule.",
    });
  });
});

describe("Tuesday", () => {
  const LIMIT = 400;
  const rules: Rules = { ...RULES, excludeFolders: [], migrateHidden: false };
  let scan: string;

  step(
    "scans the archive on its own, and counts as we do",
    async () => {
      const { operator, reader, site } = company;
      const folder = `${new URL(site).pathname}/Shared Documents/Archive`;
      troubles = makeArchive(company.share("Archive"), LIMIT - folder.length - 1);
      const source = company.share("Archive");
      const destination = { siteUrl: site, library: "Documents", folder: "Archive" };
      const body = { source, destination, settings: { migrateHidden: false }, tags: ["old"] };
      scan = (await ok(operator.post("scans", body), 201)).id;
      const isOver = ({ state }: Json) => /^(Completed|Failed)/.test(state);
      const done = await poll(reader, `scans/${scan}`, isOver, 150);
      expect(done).toMatchObject({ state: "CompletedWithErrors", readiness: "Warning" });

      const ours = company.books("Archive").expect(rules, { troubles });
      for (const each of ours.values())
        if (each.result === "migrated")
          Object.assign(each, { result: "skipped", code: "SCAN_ONLY" });
      await company.check("Archive", scan, 0, ours);
      expect(walk(company.workspace.library).size).toBe(0);

      const totals = totalsOf(ours);
      const fates = byFate(ours);
      const amountOf = (...codes: string[]) => {
        const some = [...ours].filter(([, { code }]) => codes.includes(code));
        return totalsOf(new Map(some)).scanned;
      };
      const { items: toMigrate, bytes } = amountOf("SCAN_ONLY");
      const out = amountOf("FILTERED_HIDDEN", "FILTERED_EXTENSION", "SYMBOLIC_LINK");
      const reachable = [...ours.keys()].filter(
        (path) => !/^(FILTERED|SYMBOLIC)/.test(ours.get(path)?.code ?? ""),
      );
      const lengths = reachable.map((path) => folder.length + 1 + path.length);
      expect(done.assessment).toMatchObject({
        ...{ files: totals.scanned.files, folders: totals.scanned.folders, others: 1 },
        bytes: totals.scanned.bytes,
        toMigrate: { items: toMigrate, bytes },
        alreadyThere: { items: 0, bytes: 0 },
        leftOut: { items: out.items, bytes: out.bytes },
        keptBack: totals.failed,
        longestPath: { length: Math.max(...lengths) },
      });
      const issues: Json[] = done.assessment.issues;
      const kept = issues.filter(({ keepsBack }) => keepsBack);
      expect(Object.fromEntries(kept.map(({ code, items }) => [code, items]))).toEqual(
        Object.fromEntries(
          [...new Set(troubles.values())].map((code) => [code, fates[code]?.length]),
        ),
      );
      const longPaths = (fates.SCAN_ONLY ?? []).filter(
        (path) => folder.length + 1 + path.length > 300,
      );
      expect(longPaths.length).toBeGreaterThan(0);
      expect(issues).toContainEqual(
        expect.objectContaining({ code: "LONG_PATH", items: longPaths.length, keepsBack: false }),
      );
      const { rows } = await download(reader, `tasks/${scan}/rounds/0/reports/LongPaths_R0.csv`);
      for (const path of longPaths)
        expect(rows).toContainEqual(
          expect.objectContaining({
            Source: `${source}/${path}`,
            "Path length": String(folder.length + 1 + path.length),
          }),
        );
      expect((await ok(reader.get("scans"))).scans).toMatchObject([
        { id: scan, readiness: "Warning", keptBack: troubles.size },
      ]);
    },
    200_000,
  );

  step(
    "makes a task of the scan, and runs it",
    async () => {
      const body = { session, name: "Archive", settings: { packageItems: 50 } };
      const task = await ok(company.operator.post(`scans/${scan}/copy`, body), 201);
      tasks.Archive = task.id;
      expect(task).toMatchObject({ tags: ["old"], source: company.share("Archive") });
      await inState("Archive", "CompletedWithErrors");
      // In a session, what the session sets counts as well.
      const both = { ...rules, ...RULES };
      await check("Archive", 0, company.books("Archive").expect(both, { troubles }));
    },
    200_000,
  );
});

describe("Wednesday", () => {
  step("has tasks that wait for their times", async () => {
    const { operator, site } = company;
    const at = new Date(Date.now() + 5_000).toISOString();
    expect(await patch("Press", { schedule: { at } })).toMatchObject({
      ...{ state: "Scheduled", nextRunAt: at },
      waitingFor: { reason: `it is due at ${at}` },
    });
    const before = Date.now();
    const cron = { cron: "* * * * *", timeZone: "Europe/Paris" };
    dueFirst = Date.parse((await patch("Legal", { schedule: cron })).nextRunAt);
    expect(dueFirst % 60_000).toBe(0);
    expect(dueFirst - before).toBeGreaterThan(0);
    expect(dueFirst - Date.now()).toBeLessThanOrEqual(60_000);

    const now = new Date();
    const opens = new Date(
      Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 3, 3),
    );
    const day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][opens.getUTCDay()];
    const vault = await ok(
      operator.post(`sessions/${session}/tasks`, {
        ...{ name: "Vault", source: company.share("Vault"), start: "manually" },
        destination: { siteUrl: site, library: "Documents", folder: "Vault" },
        windows: [{ days: [day], from: "03:00", to: "04:00" }],
      }),
      201,
    );
    tasks.Vault = vault.id;
    await act("Vault", "run");
    expect((await inState("Vault", "Paused")).waitingFor).toEqual({
      reason: `outside its windows, the next one opens at ${opens.toISOString()}`,
      remedy: "Wait for the window, or change the windows of the task.",
    });
    await patch("Vault", { windows: [] });
  });

  step(
    "pauses a task in the middle, and another one has its turn",
    async () => {
      const { operator, reader } = company;
      const wanted = [tasks.Finance, tasks.Marketing];
      const action = { action: "run", tasks: wanted };
      const { results } = await ok(operator.post(`sessions/${session}/actions`, action));
      expect(results.map(({ id, ok }: Json) => [id, ok])).toEqual(wanted.map((id) => [id, true]));
      await act("HR", "run");
      const waiting = await view("HR");
      expect(waiting.state).toBe("Queued");
      expect(waiting.waitingFor.reason).toMatch(
        /^(group default has 2 tasks in progress, and this one is next|\d+ tasks? (is|are) before this one in group default)$/,
      );
      const { scanned } = totalsOf(expected("Finance"));
      await until("Finance", ({ round }) => round?.scanFinished && round.migrated.items > 20);
      await act("Finance", "pause");
      const paused = await inState("Finance", "Paused");
      expect(paused.round).toMatchObject({ state: "Paused", scanned });
      expect(paused.round.migrated.items).toBeLessThan(
        totalsOf(expected("Finance")).migrated.items,
      );
      expect(paused.waitingFor.reason).toContain("Olu Operator");

      await inState("HR", "Completed");
      expect(await view("Finance")).toMatchObject({ state: "Paused", round: paused.round });
      await check("HR", 0);
      const { tasks: list } = await ok(reader.get(`sessions/${session}/tasks?state=Paused`));
      expect(list.map(({ id }: Json) => id)).toContain(tasks.Finance);
    },
    200_000,
  );

  step(
    "cancels a task in the middle: what has arrived is said to be, and nothing else",
    async () => {
      await until("Marketing", ({ round }) => round?.scanFinished && round.migrated.items > 0);
      await act("Marketing", "cancel");
      await inState("Marketing", "Cancelled");
      const ours = company.books("Marketing").expectCancelled(RULES);
      const { totals } = await check("Marketing", 0, ours);
      expect(totals.migrated.items).toBeGreaterThan(0);
      expect(byFate(ours).CANCELLED?.length).toBeGreaterThan(0);
    },
    200_000,
  );

  step(
    "runs it again while one agent is taken away, and brings the rest",
    async () => {
      await patch("Marketing", { settings: {} });
      const ours = expected("Marketing");
      await act("Marketing", "run");
      await until("Marketing", ({ round }) => round?.number === 1 && round.scanFinished);
      const id = agents.harbour?.id;
      await ok(company.administrator.change("PATCH", `agents/${id}`, { enabled: false }));
      await inState("Marketing", "Completed");
      const { totals, rows } = await check("Marketing", 1, ours);
      expect(totals.migrated.items).toBe(byFate(ours).migrated?.length);
      expect(byFate(ours).UNCHANGED?.length).toBeGreaterThan(0);
      expect(devices(rows).has("quay")).toBe(true);
    },
    200_000,
  );

  step(
    "goes on with the paused task on an agent that has just come, under the settings it began with",
    async () => {
      const { administrator, reader } = company;
      const quay = agents.quay as JoinedAgent;
      await poll(reader, `agents/${quay.id}`, ({ busy }) => busy === 0);
      await quay.kill();
      await poll(reader, `agents/${quay.id}`, ({ state }) => state === "Disconnected");
      const lonely = await ok(reader.get("agent-groups"));
      expect(lonely.groups).toMatchObject([{ name: "default", active: 0, freeSlots: 0 }]);

      await act("Finance", "resume");
      const waiting = await until("Finance", ({ waitingFor }) => waitingFor !== undefined);
      // Tasks whose time has come meanwhile may have their turn before it, and wait for an agent then.
      expect(waiting.waitingFor.remedy).toMatch(/agent|^Wait for one to end/);
      const { token } = await ok(administrator.post("enrolment-tokens", {}), 201);
      agents.pier = await company.join("pier", token);
      await patch("Finance", { settings: { excludeNames: ["*7.docx"] } });
      await inState("Finance", "Completed");
      const { rows } = await check("Finance", 0);
      expect([...devices(rows)].sort()).toContain("pier");
      expect(devices(rows).size).toBeGreaterThan(1);
      expect((await view("Finance")).effective.excludeNames).toEqual({
        ...{ value: ["*7.docx"], from: "task" },
      });
    },
    200_000,
  );
});

describe("Thursday", () => {
  const changed: string[] = [];

  step("changes the sources", () => {
    const share = company.share("Finance");
    const at = (path: string) => join(share, path);
    for (const number of [1, 2, 3]) {
      appendFileSync(at(documentPath(number)), "more of it");
      setTime(share, documentPath(number), 1_000 + number);
    }
    setTime(share, documentPath(4), 1_004); // Touched only.
    changed.push(...[1, 2, 3, 4].map(documentPath));
    // Replaced by an older one: stays as it is.
    writeFileSync(at(documentPath(5)), "an older version");
    setTime(share, documentPath(5), -1_000);
    for (const path of ["Year 2004/New.docx", "New folder/below/New.docx", "Year 2004/New 7.docx"])
      write(share, path, `content of ${path}`);
    changed.push(
      "Year 2004/New.docx",
      "New folder",
      "New folder/below",
      "New folder/below/New.docx",
    );
    for (const number of [20, 21]) rmSync(at(documentPath(number)));
    renameSync(at(documentPath(30)), at("Year 2003/Renamed.docx"));
    changed.push("Year 2003/Renamed.docx");
    renameSync(at("Year 2008"), at("Closed"));
    changed.push("Closed");
    for (const { path } of walk(at("Closed")).values())
      if (!path.endsWith("7.docx")) changed.push(`Closed/${path}`);

    const archive = company.share("Archive");
    renameSync(join(archive, "Case/Report.txt"), join(archive, "Case/Report 2.txt"));
    troubles.delete("Case/Report.txt");
  });

  step(
    "brings what is new and newer, and leaves alone what was deleted, renamed or left out",
    async () => {
      const rules = { ...RULES, excludeNames: /7\.docx$/ };
      const ours = expected("Finance", rules);
      expect(byFate(ours).migrated).toEqual([...changed].sort());
      await act("Finance", "run");
      await until("Finance", ({ state, round }) => round?.number === 1 && state === "Completed");
      await check("Finance", 1, ours);
      expect(byFate(ours).FILTERED_NAME).toContain("Year 2004/New 7.docx");
    },
    200_000,
  );

  step(
    "brings what a filter has held back, when the filter is gone",
    async () => {
      await patch("Finance", { settings: {} });
      const ours = expected("Finance");
      expect(byFate(ours).migrated).toEqual(
        [...walk(company.share("Finance")).keys()]
          .filter((path) => /^(Year 2004\/New 7|Closed\/.*7)\.docx$/.test(path))
          .sort(),
      );
      await act("Finance", "run");
      await until("Finance", ({ state, round }) => round?.number === 2 && state === "Completed");
      await check("Finance", 2, ours);
    },
    200_000,
  );

  step(
    "brings what was mended, and nothing where nothing has changed",
    async () => {
      const { operator } = company;
      const select = { action: "run", filter: { text: "/source/hr", state: "Completed" } };
      const { results } = await ok(operator.post(`sessions/${session}/actions`, select));
      expect(results).toMatchObject([{ id: tasks.HR, ok: true }]);
      await act("Archive", "run");
      const hr = expected("HR");
      expect(byFate(hr).migrated).toBeUndefined();
      await until("HR", ({ state, round }) => round?.number === 1 && state === "Completed");
      await check("HR", 1, hr);
      const archive = company.books("Archive");
      const ours = archive.expect({ ...RULES, migrateHidden: false }, { troubles });
      expect(byFate(ours).migrated).toEqual(["Case/Report 2.txt"]);
      await until("Archive", ({ state, round }) => round?.number === 1 && /^Completed/.test(state));
      await check("Archive", 1, ours);
    },
    200_000,
  );

  step(
    "has run what was due, and knows when it is due again",
    async () => {
      const press = await inState("Press", "Completed");
      expect(press).not.toHaveProperty("nextRunAt");
      await check("Press", 0);
      const first = expected("Legal");
      const legal = await until("Legal", ({ round }) => round?.state === "Completed");
      expect(Date.parse(legal.nextRunAt)).toBeGreaterThan(dueFirst);
      expect(Date.parse(legal.round.startedAt)).toBeGreaterThanOrEqual(dueFirst);
      // Nothing has changed since: whatever ran after the first round, it found nothing to do.
      await patch("Legal", { schedule: null });
      const { round } = await until("Legal", ({ round }) => round?.state === "Completed");
      await check("Legal", 0, first);
      for (let number = 1; number <= round.number; number++) await check("Legal", number);
      await inState("Vault", "Completed");
      await check("Vault", 0);
    },
    300_000,
  );
});

describe("Friday", () => {
  const departments = () => Object.keys(tasks).sort();
  const names = async (query: string): Promise<string[]> => {
    const found: string[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const after: string = next && `&after=${next}`;
      const page: Json = await ok(
        company.reader.get(`sessions/${session}/tasks?limit=2&${query}${after}`),
      );
      expect(page.tasks.length).toBeLessThanOrEqual(2);
      found.push(...page.tasks.map(({ name }: Json) => name));
      next = page.next;
    }
    return found;
  };

  it("deletes a task with its reports; the library stays", async () => {
    const { operator, reader } = company;
    const path = `tasks/${tasks.Press}`;
    const report = `${path}/rounds/0/reports/ItemReport_R0.csv`;
    expect((await reader.get(report)).status).toBe(200);
    expect((await reader.change("DELETE", path)).status).toBe(403);
    expect((await operator.change("DELETE", path)).status).toBe(204);
    for (const gone of [path, report, `${path}/rounds/0/items`, `${path}/reports`])
      expect([gone, (await reader.get(gone)).status]).toEqual([gone, 404]);
    expect(company.books("Press").problems()).toEqual({});
    expect(company.books("Press").expect(RULES).size).toBeGreaterThan(20);
  });

  it("sums up the session as we do", async () => {
    const { tasks: listed } = await ok(company.reader.get(`sessions/${session}/tasks`));
    delete tasks.Press;
    expect(listed.map(({ name }: Json) => name).sort()).toEqual(departments());
    const all = departments().map((name) => company.checked.get(name)?.totals);
    const sum = (of: "migrated" | "skipped" | "failed") => ({
      items: all.reduce((total, each) => total + (each?.[of].items ?? 0), 0),
      bytes: all.reduce((total, each) => total + (each?.[of].bytes ?? 0), 0),
    });
    const summary = await ok(company.reader.get(`sessions/${session}/summary`));
    expect(summary).toMatchObject({
      ...{ tasks: departments().length, groups: { default: departments().length } },
      ...{ migrated: sum("migrated"), skipped: sum("skipped"), failed: sum("failed") },
    });
    const states: Record<string, number> = {};
    for (const { state } of listed) states[state] = (states[state] ?? 0) + 1;
    const shown = Object.entries(summary.states).filter(([, count]) => count !== 0);
    expect(Object.fromEntries(shown)).toEqual(states);
    expect(states.CompletedWithErrors).toBe(1);
    expect(await ok(company.reader.get(`sessions/${session}/tags`))).toEqual({
      tags: [
        { tag: "old", tasks: 1 },
        { tag: "wave-1", tasks: 2 },
      ],
    });
  });

  it("finds and sorts tasks", async () => {
    expect(await names("sort=name")).toEqual(departments());
    expect(await names("sort=-name")).toEqual(departments().reverse());
    const created = await names("sort=created");
    expect(created.slice(0, 2)).toEqual(["Finance", "HR"]);
    expect(created.slice(-2)).toEqual(["Archive", "Vault"]);
    expect(await names("")).toEqual([...created].reverse());
    expect(await names("state=CompletedWithErrors,Failed")).toEqual(["Archive"]);
    expect(await names("tag=wave-1&sort=-name")).toEqual(["HR", "Finance"]);
    expect(await names("text=ARCH")).toEqual(["Archive"]);
    expect(await names("group=default&sort=name")).toEqual(departments());
    expect(await names("group=other")).toEqual([]);
    expect(await names(`createdFrom=${new Date().toISOString()}`)).toEqual([]);
  });

  it("has one row for every task in the summary report", async () => {
    const report = async (query: string) => {
      const path = `sessions/${session}/summary-report${query}`;
      const { rows } = await download(company.reader, path);
      return rows.sort((a, b) => ((a["Task name"] ?? "") < (b["Task name"] ?? "") ? -1 : 1));
    };
    const wanted = (department: string) => ({
      ...{ "Task name": department, TaskID: tasks[department] },
      ...{ Source: company.share(department), "Agent group": "default" },
      Status: department === "Archive" ? "CompletedWithErrors" : "Completed",
      ...aggregateCells(
        company.checked.get(department)?.totals as Parameters<typeof aggregateCells>[0],
      ),
    });
    const all = await report("");
    expect(all).toMatchObject(departments().map(wanted));
    expect(all.length).toBe(departments().length);
    const some = await report("?tag=wave-1");
    expect(some).toMatchObject([wanted("Finance"), wanted("HR")]);
    expect(some.length).toBe(2);
    expect(
      all.filter(({ Agent }) => Agent?.includes("pier")).map((row) => row["Task name"]),
    ).toEqual((await report("?agent=PIER")).map((row) => row["Task name"]));
    // Since Wednesday there was only one agent.
    expect(all.find((row) => row["Task name"] === "Finance")?.Agent).toBe("pier");
  });

  it("packs all reports into one archive, each as it is downloaded alone", async () => {
    const { reader } = company;
    const { bytes } = await reader.get(`sessions/${session}/reports?rounds=all`);
    const files = await readZip(bytes);
    const wanted = new Map<string, Buffer>();
    for (const department of departments()) {
      const { rounds } = await ok(reader.get(`tasks/${tasks[department]}/rounds`));
      for (const { number } of rounds) {
        const folder = `tasks/${tasks[department]}/rounds/${number}/reports`;
        for (const { name, bytes } of (await ok(reader.get(folder))).reports) {
          const single = await reader.get(`${folder}/${encodeURIComponent(name)}`);
          expect(single.bytes.length).toBe(bytes);
          wanted.set(`${department} (${tasks[department]})/R${number}/${name}`, single.bytes);
        }
      }
      expect(rounds[0].number).toBe(company.checked.get(department)?.number);
    }
    expect([...files.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [path, content] of wanted)
      expect([path, files.get(path)?.equals(content)]).toEqual([path, true]);
  }, 60_000);

  it("keeps the session in a file, and makes another one of it", async () => {
    const { operator, reader } = company;
    const file = await ok(reader.get(`sessions/${session}/export`));
    const made = await ok(operator.post("sessions/import", file), 201);
    expect(made).toMatchObject({ tasks: departments().length, duplicates: [] });
    expect(made.session.id).not.toBe(session);
    const copy = await ok(reader.get(`sessions/${made.session.id}/export`));
    const lasting = ({ session, tasks }: Json) => ({
      session,
      tasks: tasks
        .map(({ state: _, createdAt: __, lastRound: ___, ...rest }: Json) => rest)
        .sort((a: Json, b: Json) => (a.name < b.name ? -1 : 1)),
    });
    expect(lasting(copy)).toEqual(lasting(file));
    expect(copy.tasks.map(({ state }: Json) => state)).toEqual(file.tasks.map(() => "Scheduled"));
    const tags: Record<string, string[]> = {
      Archive: ["old"],
      Finance: ["wave-1"],
      HR: ["wave-1"],
    };
    const kept = file.tasks.map(({ name, source, destination, tags }: Json) => [
      ...[name, source, destination.folder, tags],
    ]);
    expect(kept.sort()).toEqual(
      departments().map((name) => [name, company.share(name), name, tags[name] ?? []]),
    );
    expect(file.session).toMatchObject({ name: "Headquarters", settings: { packageItems: 10 } });
  });

  it("knows who has done what", async () => {
    const { administrator, operator, reader, changes } = company;
    for (const person of [operator, reader]) expect((await person.get("audit")).status).toBe(403);
    const { paths } = await ok(reader.get("openapi.json"));
    const routes = Object.entries<Json>(paths).flatMap(([path, operations]) =>
      Object.entries<Json>(operations).map(([method, { operationId }]) => ({
        ...{ method, operationId },
        pattern: new RegExp(
          `^(/api)?/v1${path.replace(/^(\/api)?\/v1/, "").replace(/\{[^}]+\}/g, "([^/]+)")}$`,
        ),
      })),
    );
    const wanted = changes.map(({ actor, role, method, path, status }) => {
      const [plain = ""] = path.split("?");
      const route = routes.find(
        (each) => each.method === method.toLowerCase() && each.pattern.test(`/v1/${plain}`),
      );
      const ids = route?.pattern.exec(`/v1/${plain}`)?.slice(2) ?? [];
      return { actor, role, action: route?.operationId, status, ids };
    });
    expect(wanted.map(({ action }) => action)).not.toContain(undefined);
    const entries: Json[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const after: string = next && `&after=${next}`;
      const page: Json = await ok(administrator.get(`audit?limit=20${after}`));
      entries.push(...page.entries);
      next = page.next;
    }
    const people = new Set(changes.map(({ actor }) => actor));
    expect([...people].sort()).toEqual([administrator.name, operator.name].sort());
    const ours = entries.filter(({ actor }) => people.has(actor)).reverse();
    const plain = ({ actor, role, action, status }: Json) => ({ actor, role, action, status });
    // Tasks that were acted on together have an entry each, beside that of the whole.
    const isOneOfMany = ({ action, ids }: Json) => action === "runTask" && "session" in ids;
    const together = ours.filter(isOneOfMany);
    expect(together.map(({ ids }) => ids.task).sort()).toEqual(
      [tasks.Finance, tasks.Marketing, tasks.HR].sort(),
    );
    expect(new Set(together.map(({ actor }) => actor))).toEqual(new Set([operator.name]));
    const single = ours.filter((entry) => !isOneOfMany(entry));
    expect(single.map(plain)).toEqual(wanted.map(plain));
    for (const [index, { ids }] of wanted.entries())
      expect(Object.values(single[index].ids)).toEqual(expect.arrayContaining(ids));
    const { entries: about } = await ok(
      administrator.get(`audit?task=${tasks.Finance}&limit=1000`),
    );
    expect(about.filter(({ actor }: Json) => people.has(actor)).map(({ id }: Json) => id)).toEqual(
      ours
        .filter(({ ids }) => ids.task === tasks.Finance)
        .map(({ id }) => id)
        .reverse(),
    );
  });

  it("has told every change of every task's state, signed", async () => {
    const { reader, receiver } = company;
    // What came to a state and did not leave it is in it: the changes of a task are a way from its beginning to where it is.
    const balance = (department: string) => {
      const id = tasks[department];
      const counts: Record<string, number> = { Scheduled: 1 };
      for (const { data } of receiver.told(secret).genuine) {
        if (data.taskId !== id) continue;
        counts[data.from] = (counts[data.from] ?? 0) - 1;
        counts[data.to] = (counts[data.to] ?? 0) + 1;
      }
      return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
    };
    for (const department of departments()) {
      const { state } = await view(department);
      const isTold = () => JSON.stringify(balance(department)) === `{"${state}":1}`;
      await poll(reader, `tasks/${tasks[department]}`, isTold);
    }
    const { genuine, forged } = receiver.told(secret);
    expect(forged).toBe(0);
    expect(receiver.told(`whsec_${Buffer.alloc(32).toString("base64")}`).genuine).toEqual([]);
    const seen = (department: string) =>
      genuine
        .filter(({ data }) => data.taskId === tasks[department])
        .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
        .map(({ type }) => type.replace("task.", ""));
    const round = ["Queued", "InProgress", "Completed"];
    expect(seen("Finance")).toEqual([
      ...["Queued", "InProgress", "Pausing", "Paused", ...round],
      ...[...round, ...round],
    ]);
    expect(seen("Marketing")).toEqual([
      ...["Queued", "InProgress", "Cancelling", "Cancelled"],
      ...round,
    ]);
    expect(seen("HR")).toEqual([...round, ...round]);
    for (const { data } of genuine) expect(data.sessionId).toMatch(/^\w+$/);
  }, 100_000);
});
