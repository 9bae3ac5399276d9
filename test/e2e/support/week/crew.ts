import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repository } from "../command.ts";
import type { Workspace } from "../workspace.ts";

const AGENT = join(repository, "dist/agent/main.js");

/** An agent as its own machine would run it: it knows the address of the control plane, and had a token once. */
export interface JoinedAgent {
  id: string;
  name: string;
  /** kill -9. */
  kill(): Promise<void>;
}

/** Enrols an agent, and returns its id; the agent's own words when it is refused. */
export function enrol(
  { root }: Workspace,
  { url, token, name }: { url: string; token: string; name: string },
): { id: string } | { refused: string } {
  const flags = ["--url", url, "--name", name, "--data", join(root, "machines", name)];
  const { status, stdout, stderr } = spawnSync(process.execPath, [AGENT, "configure", ...flags], {
    env: { ...process.env, LONGSHORE_ENROLMENT_TOKEN: token },
    encoding: "utf8",
  });
  return status === 0 ? { id: JSON.parse(stdout).agentId } : { refused: stderr };
}

/** Enrols an agent and starts it; it has reported when this resolves. */
export async function joinCrew(
  workspace: Workspace,
  options: { url: string; token: string; name: string },
): Promise<JoinedAgent> {
  const enrolled = enrol(workspace, options);
  if ("refused" in enrolled) throw new Error(`${options.name} was refused: ${enrolled.refused}`);
  const data = join(workspace.root, "machines", options.name);
  const child: ChildProcess = spawn(process.execPath, [AGENT, "run", "--data", data], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const ready = once(child.stdout as NodeJS.ReadableStream, "data").then(() => true);
  if (!(await Promise.race([ready, ended.then(() => false)])))
    throw new Error(`${options.name} ended before it was ready`);
  return {
    ...{ id: enrolled.id, name: options.name },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
