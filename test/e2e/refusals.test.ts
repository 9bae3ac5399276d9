/** What the commands refuse, before anything is started or at once afterwards: exit code 1 and what to do about it. */
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Ended, SELF, startCommand, type User } from "./support/command.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { gone } from "./support/processes.ts";
import { countBy, type ReportName, readReports } from "./support/reports.ts";
import { expectWholeRound } from "./support/whole-round.ts";
import {
  makeWorkspace,
  migrate,
  ordinaryUser,
  removeWorkspace,
  type Workspace,
  withJson,
} from "./support/workspace.ts";

let workspace: Workspace;

beforeEach(() => {
  workspace = makeWorkspace();
  writeFileSync(join(workspace.source, "a.txt"), "a");
});
afterEach(async () => {
  await removeWorkspace(workspace);
});

/** It could not run, says why and what to do, and has left neither a process nor anything in the library. */
async function expectRefusal(ended: Ended, reason: RegExp, remedy: RegExp): Promise<void> {
  const { code, json, stderr } = withJson(ended);
  expect({ code, ...json }).toMatchObject({ code: 1, status: "NotRun", exitCode: 1 });
  expect(json.reason).toMatch(reason);
  expect(json.remedy).toMatch(remedy);
  expect(stderr).toContain("The migration could not run.");
  expect(stderr).toMatch(remedy);
  expect(stderr).not.toContain("defect");
  expect(await gone(workspace.root, 0)).toEqual([]);
}

function run(source: string, library: string, user: User = SELF): Promise<Ended> {
  const args = ["--json", "--data", workspace.data, source, library];
  return startCommand("migrate", args, { user, home: workspace.root }).ended;
}

describe("folders that do not fit", () => {
  it.each<[string, () => [source: string, library: string], RegExp, RegExp]>([
    [
      "a source that is missing",
      () => [`${workspace.source}/missing`, workspace.library],
      /does not exist/,
      /Check the spelling/,
    ],
    [
      "a source that is a file",
      () => [`${workspace.source}/a.txt`, workspace.library],
      /is not a folder/,
      /Name the folder/,
    ],
    [
      "a library inside the source",
      () => [workspace.source, `${workspace.source}/library`],
      /lies inside the source/,
      /outside the source/,
    ],
    [
      "a source inside the library",
      () => [workspace.source, workspace.root],
      /lies inside the library/,
      /does not contain the source/,
    ],
    [
      "the same folder twice",
      () => [workspace.source, `${workspace.source}/.`],
      /are the same folder/,
      /outside the source/,
    ],
    [
      "the same folder by another name",
      () => {
        symlinkSync(workspace.source, `${workspace.root}/other name`);
        return [workspace.source, `${workspace.root}/other name`];
      },
      /are the same folder/,
      /outside the source/,
    ],
    [
      "a library that is a file",
      () => {
        writeFileSync(workspace.library, "");
        return [workspace.source, workspace.library];
      },
      /is not a folder/,
      /Choose a folder/,
    ],
  ])(
    "%s",
    async (_name, folders, reason, remedy) => {
      await expectRefusal(await run(...folders()), reason, remedy);
      expect(existsSync(join(workspace.source, "library"))).toBe(false);
    },
    120_000,
  );

  it("a library that may not be written to", async () => {
    mkdirSync(workspace.library);
    const user = ordinaryUser(workspace);
    chmodSync(workspace.library, 0o555);
    const ended = await run(workspace.source, workspace.library, user);
    await expectRefusal(ended, /library folder .* cannot be written to/, /you may write to/);
  }, 120_000);

  it("a source that may not be read", async () => {
    const user = ordinaryUser(workspace);
    chmodSync(workspace.source, 0);
    const ended = await run(workspace.source, workspace.library, user);
    await expectRefusal(ended, /cannot be read/, /read access/);
  }, 120_000);

  it("a source without a library, and a flag that nobody knows", async () => {
    const flags = ["--json", "--data", workspace.data];
    const alone = await startCommand("migrate", [...flags, workspace.source]).ended;
    await expectRefusal(alone, /library folder is missing/, /npm run migrate -- <source folder>/);
    const unknown = await startCommand("migrate", [...flags, "--agent", "2"]).ended;
    await expectRefusal(unknown, /--agent/, /--help/);
  }, 120_000);
});

describe("what somebody else has", () => {
  it("the data folder of a command that runs, and its port", async () => {
    const first = startCommand("start", ["--data", workspace.data]);
    try {
      await first.says(/Longshore is running/);
      const second = withJson(await run(workspace.source, workspace.library));
      expect(second).toMatchObject({ code: 1, json: { status: "NotRun" } });
      expect(second.json.reason).toMatch(
        /npm start.*process \d+.* works on the data folder .* already/,
      );
      expect(second.json.remedy).toMatch(/stop it .*--data/);

      const [, port = ""] = /http:\/\/127\.0\.0\.1:(\d+)\/api/.exec(first.said()) ?? [];
      await expectPortRefusal(Number(port));
    } finally {
      first.child.kill("SIGTERM");
      await first.ended;
    }
  }, 300_000);

  it("the port of another program", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await expectPortRefusal((server.address() as AddressInfo).port);
    } finally {
      server.close();
    }
  }, 300_000);

  async function expectPortRefusal(port: number): Promise<void> {
    const flags = ["--data", join(workspace.root, "other data"), "--port", String(port)];
    const { code, stderr } = await startCommand("start", flags).ended;
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`Port ${port} .* is in use by another program`),
    });
    expect(stderr).toContain("choose another port with --port");
  }
});

describe("after a refusal", () => {
  it("the command that is right runs, with as many agents as are wanted", async () => {
    rmSync(join(workspace.source, "a.txt"));
    await expectRefusal(
      await run(`${workspace.source}/a.txt`, workspace.library),
      /does not exist/,
      /./,
    );
    makePlainTree(workspace.source, 1_500);
    const result = await migrate(workspace, { flags: ["--agents", "2"] });
    await expectWholeRound(workspace, result);
    const reports = readReports(result.json.reports, 0);
    const both = ["agent-1", "agent-2"];
    const devices = countBy(reports.rows("ItemReport"), "Device name");
    expect(Object.keys(devices).sort()).toEqual(both);
    const named = (name: ReportName, column: string) =>
      reports.rows(name)[0]?.[column]?.split("; ").sort();
    expect(named("ItemSummary", "Device name")).toEqual(both);
    expect(named("ScanSummary", "Device name")).toEqual(both);
    expect(named("Aggregate Summary Report", "Agent")).toEqual(both);
  }, 300_000);
});
