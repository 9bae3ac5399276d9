import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CallCounts } from "../../../local/sharepoint/rest/throttle.ts";
import { startCommand } from "./command.ts";
import { identityToken } from "./identity.ts";
import type { Workspace } from "./workspace.ts";

// biome-ignore lint/suspicious/noExplicitAny: JSON of another program
export type Json = any;

/** Every part on this machine, with one agent, and an administrator who asks for things over HTTP. */
export interface Running {
  /** Base of the control plane, without a path. */
  url: string;
  /** Address of the site whose library is the workspace's. */
  siteUrl: string;
  call(method: string, path: string, body?: object): Promise<Json>;
  download(path: string): Promise<Buffer>;
  /** Tells the local SharePoint what to do wrong from now on, beside what it does wrong already; nothing any more for `null`. */
  setFaults(faults: object | null): Promise<void>;
  /** What the local SharePoint counted of the calls since its start. */
  callCounts(): Promise<CallCounts>;
  /** Empties the recycle bin of the site. */
  emptyRecycleBin(): Promise<void>;
  /** Runs a timer of the app now. */
  fire(timer: string): Promise<void>;
  said(): string;
  stop(): Promise<void>;
}

export async function startRunning(
  { data, library }: Workspace,
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  mkdirSync(library, { recursive: true });
  const command = startCommand("start", ["--data", data, "--library", library], { environment });
  await command.says(/Ctrl-C stops everything/);
  const [, url = ""] = /API +(http:\/\/[^/\s]+)/.exec(command.said()) ?? [];
  const [, key = ""] = /admin key +(\S+)/.exec(command.said()) ?? [];
  const [, siteUrl = ""] = /(http:\S+\/sites\/\S+) is /.exec(command.said()) ?? [];
  const sharePoint = new URL(siteUrl).origin;

  const setFaults = async (faults: object | null) => {
    const answer = await fetch(`${sharePoint}/_simulator/faults`, {
      method: faults ? "POST" : "DELETE",
      ...(faults && { body: JSON.stringify(faults) }),
      headers: { "content-type": "application/json" },
    });
    if (!answer.ok) throw new Error(`faults: ${answer.status} ${await answer.text()}`);
  };
  const send = async (method: string, path: string, body?: object): Promise<Buffer> => {
    const answer = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: {
        ...{ "x-functions-key": key, "if-match": "*" },
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${bytes}`);
    return bytes;
  };
  return {
    ...{ url, siteUrl, setFaults, said: command.said },
    async call(method, path, body) {
      const text = (await send(method, path, body)).toString("utf8");
      return text === "" ? undefined : JSON.parse(text);
    },
    download: (path) => send("GET", path),
    async callCounts() {
      return (await (await fetch(`${sharePoint}/_simulator/calls`)).json()) as CallCounts;
    },
    async emptyRecycleBin() {
      const headers = { authorization: `Bearer ${(await identityToken(data, sharePoint)).token}` };
      const purge = `${siteUrl}/_api/web/recyclebin/deleteall`;
      const answer = await fetch(purge, { method: "POST", headers });
      if (!answer.ok) throw new Error(`the bin: ${answer.status} ${await answer.text()}`);
    },
    async fire(timer) {
      const { master } = readJson(join(data, "functions-host", "keys.json"));
      const answer = await fetch(`${url}/admin/functions/${timer}`, {
        method: "POST",
        headers: { "x-functions-key": master, "content-type": "application/json" },
        body: "{}",
      });
      if (answer.status !== 202) throw new Error(`the timer ${timer} answered ${answer.status}`);
    },
    async stop() {
      command.child.kill("SIGTERM");
      await command.ended;
    },
  };
}

/** Makes a task and starts its first round; the id of the task. */
export async function startTask(
  { call, siteUrl }: Running,
  source: string,
  more: object = {},
): Promise<string> {
  const session = await call("POST", "sessions", { name: "Session" });
  const destination = { siteUrl, library: "Documents" };
  const body = { name: "Task", source, destination, start: "now", ...more };
  return (await call("POST", `sessions/${session.id}/tasks`, body)).id;
}

/** Waits until the task's round has ended; the task as it is then. */
export async function ended({ call }: Running, task: string): Promise<Json> {
  for (;;) {
    const found = await call("GET", `tasks/${task}`);
    if (!["Queued", "InProgress"].includes(found.state)) return found;
    await delay(200);
  }
}

/** Puts the reports of a round into a folder, which is returned. */
export async function downloadReports(
  { call, download }: Running,
  { root }: Workspace,
  task: string,
  round: number,
): Promise<string> {
  const folder = join(root, `reports of R${round}`);
  mkdirSync(folder);
  const { reports } = await call("GET", `tasks/${task}/rounds/${round}/reports`);
  for (const { name } of reports) {
    const path = `tasks/${task}/rounds/${round}/reports/${encodeURIComponent(name)}`;
    writeFileSync(join(folder, name), await download(path));
  }
  return folder;
}

const readJson = (file: string): Json => JSON.parse(readFileSync(file, "utf8"));
