import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { repository } from "./command.ts";
import { startRecordingProxy } from "./recording-proxy.ts";
import type { Workspace } from "./workspace.ts";

const AGENT = join(repository, "dist/agent/main.js");

/** An agent that hears from the control plane through a proxy, which notes everything. */
export async function startProxiedAgent({ root }: Workspace, url: string, token: string) {
  const proxy = await startRecordingProxy(url);
  const data = join(root, "proxied agent");
  const flags = ["--url", proxy.url, "--name", "proxied", "--data", data];
  const env = { ...process.env, LONGSHORE_ENROLMENT_TOKEN: token };
  await promisify(execFile)(process.execPath, [AGENT, "configure", ...flags], { env });
  const child = spawn(process.execPath, [AGENT, "run", "--data", data], { stdio: "ignore" });
  return {
    answers: proxy.answers,
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
      proxy.stop();
    },
  };
}
