import { chmodSync } from "node:fs";
import { userInfo } from "node:os";
import { describe, expect, it } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { THEN } from "../../test/support/fileTree.ts";
import type { TestTask } from "../../test/support/testTask.ts";
import { wholeRounds } from "../../test/support/wholeRounds.ts";
import { readPeople, replaceUserMapText } from "../stores/userMap.ts";

/* Owners and permissions in whole rounds: from the mode bits of files to what SharePoint has in its record. */

const { around, app, newTask } = wholeRounds();
const SYSTEM = "SHAREPOINT\\system";
const ADA = "i:0#.f|membership|ada@contoso.com";
const BOSS = "i:0#.f|membership|boss@contoso.com";
const { username } = userInfo();

/** A task for files that some may open and others not, whose owner and group the user map names. */
async function ownedShare(): Promise<TestTask> {
  const task = await newTask({ settings: { packageItems: 3 } });
  put(task, "a/same.txt", 0o640);
  put(task, "a/private.txt", 0o600);
  put(task, "a/readable.txt", 0o400);
  put(task, "top.txt", 0o664);
  chmodSync(task.share.at("a"), 0o750);
  await mapIs(`${username},ada@contoso.com,FALSE\n${username},staff@contoso.com,TRUE\n`);
  return task;
}
function put({ share }: TestTask, path: string, mode: number, time = THEN): void {
  share.put({ [path]: path }, time);
  chmodSync(share.at(path), mode);
}
const mapIs = (text: string) => replaceUserMapText(app.state.plans, text, () => undefined);

/** What SharePoint has of the task's folder, by path below it; "" is the folder itself. */
const recorded = async (task: TestTask) =>
  new Map((await task.imported()).map((item) => [item.path, item]));
const authors = async (task: TestTask) =>
  Object.fromEntries([...(await recorded(task))].map(([path, { author }]) => [path, author]));
/** "Read staff@contoso.com, …", or null for an item that inherits. */
const permissions = async (task: TestTask) =>
  Object.fromEntries(
    [...(await recorded(task))].map(([path, item]) => [
      path,
      item.permissions &&
        (JSON.parse(item.permissions) as { role: string; principal: string }[])
          .map(({ role, principal }) => `${role} ${principal.split("|").at(-1)}`)
          .join(", "),
    ]),
  );

async function report(task: TestTask, round = 0): Promise<Record<string, string>[] | undefined> {
  const lines = await task.report(`UserNotMapped_R${round}.csv`, round);
  if (lines.length === 0) return undefined;
  return parse(lines.join("\r\n"), { bom: true, columns: true });
}

describe("owners and permissions", () => {
  it("stay out of it unless somebody asks for them", async () => {
    const task = await ownedShare();
    expect(await task.run()).toBe("Completed");
    expect(new Set(Object.values(await authors(task)))).toEqual(new Set([SYSTEM]));
    expect(new Set(Object.values(await permissions(task)))).toEqual(new Set([null]));
    expect(await report(task)).toBeUndefined();
  });

  it("come along, each where it differs from the folder above, never for what the task only uses", async () => {
    const task = await ownedShare();
    expect(await task.run({ preserveOwner: true, preservePermissions: true })).toBe("Completed");
    expect(await authors(task)).toEqual({
      ...{ "": SYSTEM, a: ADA, "a/readable.txt": ADA, "a/private.txt": ADA },
      ...{ "a/same.txt": ADA, "top.txt": ADA },
    });
    expect((await recorded(task)).get("top.txt")?.editor).toBe(ADA);
    expect(await permissions(task)).toEqual({
      ...{ "": null, "a/same.txt": null },
      a: "Contribute ada@contoso.com, Read staff@contoso.com",
      "a/private.txt": "Contribute ada@contoso.com",
      "a/readable.txt": "Read ada@contoso.com",
      "top.txt": "Contribute ada@contoso.com, Contribute staff@contoso.com",
    });
    expect(await report(task)).toBeUndefined();
    // Each was asked for once, and is written down for all packages.
    const people = await readPeople(app.state.plans, { taskId: task.id, round: 0 });
    expect([...people.keys()].sort()).toEqual([`group ${username}`, `user ${username}`]);
  });

  it("fail nobody's file when people are unknown, and the report names them", async () => {
    const task = await ownedShare();
    await mapIs(`${username},ada@contoso.com,FALSE\n`);
    await around.faults({ unknownLogins: ["ada@"] });
    const settings = { preserveOwner: true, preservePermissions: true };
    expect(await task.run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    expect((await authors(task))["a/same.txt"]).toBe(BOSS);
    // What was meant for nobody but the unknown is closed, and not opened to those who may open the folder above.
    const closed = "Full Control boss@contoso.com";
    expect(await permissions(task)).toEqual({
      ...{ "": null, "a/same.txt": null, a: closed },
      ...{ "a/private.txt": closed, "a/readable.txt": closed, "top.txt": closed },
    });
    const Consequence = (owned: string, items: number) =>
      `${owned}${items} closed: only boss@contoso.com can open them`;
    const groupReason = "no row of the user map names it, and it is no address";
    const userReason = `nobody at the destination is ${ADA}`;
    expect(await report(task)).toEqual([
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
    put(task, "a/private.txt", 0o600, new Date("2024-04-01T12:00:00Z"));
    expect(await task.run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    expect((await permissions(task))["a/private.txt"]).toBe("Contribute ada@contoso.com");
    expect((await authors(task))["a/private.txt"]).toBe(ADA);
    expect((await authors(task))["a/same.txt"]).toBe(BOSS);
    // The group has nothing to do with that file.
    expect(await report(task, 1)).toBeUndefined();
  });

  it("are told by a scan that asks SharePoint nothing", async () => {
    const task = await ownedShare();
    await mapIs("");
    const settings = { preserveOwner: true, preservePermissions: true, scanOnly: true };
    expect(await task.run({ ...settings, fallbackOwner: "boss@contoso.com" })).toBe("Completed");
    const Reason = "no row of the user map names it, and it is no address";
    expect(await report(task)).toEqual([
      expect.objectContaining({ Principal: username, Kind: "group", Reason, Items: "2" }),
      expect.objectContaining({ Principal: username, Kind: "user", Reason, Items: "5" }),
    ]);
    expect((await readPeople(app.state.plans, { taskId: task.id, round: 0 })).size).toBe(0);
  });

  it("keep their answers when the control plane dies on the way", async () => {
    const task = await ownedShare();
    const settings = { preserveOwner: true, preservePermissions: true };
    await task.change({ settings: { packageItems: 2, parallelPackages: 1, ...settings } });
    await task.boot({ faults: [{ write: 20, when: "after", kill: true }] }).start();
    for (const write of [8, 25, 40])
      await task.boot({ faults: [{ write, when: "before", kill: true }] }).revive();
    await task.boot().revive();
    expect(await task.state()).toBe("Completed");
    expect((await permissions(task))["a/private.txt"]).toBe("Contribute ada@contoso.com");
    expect((await authors(task))["a/same.txt"]).toBe(ADA);
  });
});
