import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { SettingsLayer } from "../../shared/contracts/settings.ts";
import { type Machine, startMachine } from "../../test/support/machine.ts";
import { task } from "../../test/support/records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "../../test/support/services.ts";
import { readPeople, replaceUserMapText } from "../stores/userMap.ts";

/* Owners and permissions in whole rounds: from the mode bits of files to what SharePoint has in its record. */

const SYSTEM = "SHAREPOINT\\system";
const ADA = "i:0#.f|membership|ada@contoso.com";
const BOSS = "i:0#.f|membership|boss@contoso.com";
const { username } = userInfo();

let around: Surroundings;
let app: TestServices;
let machine: Machine;
let source: string;
let folder: string;
let taskId: string;
let tests = 0;

beforeAll(async () => {
  around = await startSurroundings();
  app = await buildServices(around);
});
afterAll(async () => {
  await app.close();
  await around.stop();
});
beforeEach(async () => {
  source = mkdtempSync(join(tmpdir(), "share-"));
  folder = `people ${++tests}`;
  taskId = `sess0000-per${tests}`;
  machine = startMachine(app);
  mkdirSync(join(source, "a"));
  chmodSync(join(source, "a"), 0o750);
  put("a/same.txt", 0o640);
  put("a/private.txt", 0o600);
  put("a/readable.txt", 0o400);
  put("top.txt", 0o664);
  await mapIs(`${username},ada@contoso.com,FALSE\n${username},staff@contoso.com,TRUE\n`);
});
afterEach(async () => {
  await machine.stop();
  await around.faults({ unknownLogins: [] });
  rmSync(source, { recursive: true });
});

const THEN = new Date("2024-03-01T12:00:00Z");
function put(path: string, mode: number, time = THEN): void {
  writeFileSync(join(source, path), path);
  utimesSync(join(source, path), time, time);
  chmodSync(join(source, path), mode);
}
const mapIs = (text: string) => replaceUserMapText(app.state.plans, text, () => undefined);

async function run(settings: SettingsLayer): Promise<string> {
  const own = { packageItems: 3, parallelPackages: 2, ...settings };
  const destination = { siteUrl: around.siteUrl, library: "Documents", folder };
  const made = task({ id: taskId, source, destination, settings: own });
  if (!(await app.tasks.insert(made)))
    await app.tasks.update(taskId, (value) => ({ ...value, settings: own }));
  await machine.boot().start(taskId);
  return (await app.tasks.find(taskId))?.state ?? "";
}

interface Recorded {
  path: string;
  author: string | null;
  editor: string | null;
  permissions: string | null;
}
/** What SharePoint has of the task's folder, by path below it; "" is the folder itself. */
async function recorded(): Promise<Map<string, Recorded>> {
  const origin = new URL(around.siteUrl).origin;
  const response = await fetch(`${origin}/_simulator/items?site=finance&list=Documents`);
  const items = (await response.text()).split("\n").filter(Boolean);
  const found = items.map((line) => JSON.parse(line) as Recorded);
  const below = found.filter(({ path }) => `${path}/`.startsWith(`${folder}/`));
  return new Map(below.map((item) => [item.path.slice(folder.length + 1), item]));
}
const authors = async () =>
  Object.fromEntries([...(await recorded())].map(([path, { author }]) => [path, author]));
/** "Read staff@contoso.com, …", or null for an item that inherits. */
const permissions = async () =>
  Object.fromEntries(
    [...(await recorded())].map(([path, item]) => [
      path,
      item.permissions &&
        (JSON.parse(item.permissions) as { role: string; principal: string }[])
          .map(({ role, principal }) => `${role} ${principal.split("|").at(-1)}`)
          .join(", "),
    ]),
  );

async function report(round = 0): Promise<Record<string, string>[] | undefined> {
  const blob = app.state.reports.getBlobClient(`${taskId}/R${round}/UserNotMapped_R${round}.csv`);
  if (!(await blob.exists())) return undefined;
  return parse(await blob.downloadToBuffer(), { bom: true, columns: true });
}

describe("owners and permissions", () => {
  it("stay out of it unless somebody asks for them", async () => {
    expect(await run({})).toBe("Completed");
    expect(new Set(Object.values(await authors()))).toEqual(new Set([SYSTEM]));
    expect(new Set(Object.values(await permissions()))).toEqual(new Set([null]));
    expect(await report()).toBeUndefined();
  });

  it("come along, each where it differs from the folder above, never for what the task only uses", async () => {
    expect(await run({ preserveOwner: true, preservePermissions: true })).toBe("Completed");
    expect(await authors()).toEqual({
      ...{ "": SYSTEM, a: ADA, "a/readable.txt": ADA, "a/private.txt": ADA },
      ...{ "a/same.txt": ADA, "top.txt": ADA },
    });
    expect((await recorded()).get("top.txt")?.editor).toBe(ADA);
    expect(await permissions()).toEqual({
      ...{ "": null, "a/same.txt": null },
      a: "Contribute ada@contoso.com, Read staff@contoso.com",
      "a/private.txt": "Contribute ada@contoso.com",
      "a/readable.txt": "Read ada@contoso.com",
      "top.txt": "Contribute ada@contoso.com, Contribute staff@contoso.com",
    });
    expect(await report()).toBeUndefined();
    // Each was asked for once, and is written down for all packages.
    const people = await readPeople(app.state.plans, { taskId, round: 0 });
    expect([...people.keys()].sort()).toEqual([`group ${username}`, `user ${username}`]);
  });

  it("fail nobody's file when people are unknown, and the report names them", async () => {
    await mapIs(`${username},ada@contoso.com,FALSE\n`);
    await around.faults({ unknownLogins: ["ada@"] });
    const settings = { preserveOwner: true, preservePermissions: true };
    expect(await run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    expect((await authors())["a/same.txt"]).toBe(BOSS);
    // What was meant for nobody but the unknown is closed, and not opened to those who may open the folder above.
    const closed = "Full Control boss@contoso.com";
    expect(await permissions()).toEqual({
      ...{ "": null, "a/same.txt": null, a: closed },
      ...{ "a/private.txt": closed, "a/readable.txt": closed, "top.txt": closed },
    });
    const Consequence = (owned: string, items: number) =>
      `${owned}${items} closed: only boss@contoso.com can open them`;
    const groupReason = "no row of the user map names it, and it is no address";
    const userReason = `nobody at the destination is ${ADA}`;
    expect(await report()).toEqual([
      {
        ...{ Principal: username, Kind: "group", Reason: groupReason, Items: "2" },
        Consequence: Consequence("", 2),
      },
      {
        ...{ Principal: username, Kind: "user", Reason: userReason, Items: "5" },
        Consequence: Consequence("5 shown as by boss@contoso.com; ", 4),
      },
    ]);

    // The next round takes the map as it is then, for what is new.
    await around.faults({ unknownLogins: [] });
    put("a/private.txt", 0o600, new Date("2024-04-01T12:00:00Z"));
    expect(await run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    expect((await permissions())["a/private.txt"]).toBe("Contribute ada@contoso.com");
    expect((await authors())["a/private.txt"]).toBe(ADA);
    expect((await authors())["a/same.txt"]).toBe(BOSS);
    // The group has nothing to do with that file.
    expect(await report(1)).toBeUndefined();
  });

  it("are told by a scan that asks SharePoint nothing", async () => {
    await mapIs("");
    const settings = { preserveOwner: true, preservePermissions: true, scanOnly: true };
    expect(await run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    const Reason = "no row of the user map names it, and it is no address";
    expect(await report()).toEqual([
      expect.objectContaining({ Principal: username, Kind: "group", Reason, Items: "2" }),
      expect.objectContaining({ Principal: username, Kind: "user", Reason, Items: "5" }),
    ]);
    expect((await readPeople(app.state.plans, { taskId, round: 0 })).size).toBe(0);
  });

  it("keep their answers when the control plane dies on the way", async () => {
    const settings = { preserveOwner: true, preservePermissions: true };
    const destination = { siteUrl: around.siteUrl, library: "Documents", folder };
    const own = { packageItems: 2, parallelPackages: 1, ...settings };
    await app.tasks.insert(task({ id: taskId, source, destination, settings: own }));
    await machine.boot([{ write: 20, when: "after", kill: true }]).start(taskId);
    for (const write of [8, 25, 40])
      await machine.boot([{ write, when: "before", kill: true }]).revive(taskId);
    await machine.boot().revive(taskId);
    expect((await app.tasks.find(taskId))?.state).toBe("Completed");
    expect((await permissions())["a/private.txt"]).toBe("Contribute ada@contoso.com");
    expect((await authors())["a/same.txt"]).toBe(ADA);
  });
});
