import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RunningMachine } from "../local/machine.ts";
import { agentPart } from "../local/parts.ts";
import { CommandError } from "../local/supervisor/command-error.ts";
import type { PartDefinition } from "../local/supervisor/part.ts";
import type { Api } from "./migrate/api.ts";

const run = promisify(execFile);

/**
 * Starts agents, each enrolled before every start unless the API knows it: the first time, and when table storage was killed
 * before it had saved the enrolment.
 */
export async function startAgents(
  machine: RunningMachine,
  api: Api,
  data: string,
  count: number,
): Promise<void> {
  const parts = Array.from({ length: count }, (_, index): PartDefinition => {
    const name = `agent-${index + 1}`;
    const folder = join(data, "agents", name);
    return {
      ...agentPart(name, folder),
      async prepare() {
        const known = new Set((await api.listAgents()).map(({ id }) => id));
        if (isEnrolled(folder, machine.apiUrl, known)) return;
        const { token } = await api.createEnrolmentToken(1);
        await enrol(machine.apiUrl, token, name, folder);
      },
    };
  });
  await machine.start(parts);
}

/** A folder counts when it was made for this API and the API still knows the agent. */
function isEnrolled(folder: string, url: string, known: ReadonlySet<string>): boolean {
  const file = join(folder, "agent.json");
  if (!existsSync(file)) return false;
  const { controlPlane, agentId } = JSON.parse(readFileSync(file, "utf8"));
  return controlPlane === url && known.has(agentId);
}

async function enrol(url: string, token: string, name: string, folder: string): Promise<void> {
  const { script } = agentPart(name, folder);
  const flags = ["--url", url, "--name", name, "--data", folder];
  // The token goes through the environment: command lines are there for everybody to see.
  const env = { ...process.env, LONGSHORE_ENROLMENT_TOKEN: token };
  try {
    await run(process.execPath, [script, "configure", ...flags], { env });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new CommandError(
      `The agent "${name}" could not be enrolled: ${stderr?.trim() || message.split("\n")[0]}`,
      "Mend what it names and run this again.",
    );
  }
}
