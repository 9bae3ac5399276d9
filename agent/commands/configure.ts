import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { AGENT_PROTOCOL } from "../../shared/contracts/agents.ts";
import { RefusedError, saveIdentity } from "../configuration.ts";
import { ControlPlaneError, enrol } from "../control-plane.ts";
import { createKeyPair } from "../identity.ts";
import { AGENT_VERSION } from "../version.ts";

export interface ConfigureOptions {
  url: string;
  token: string;
  data: string;
  name?: string;
  group?: string;
  /** Folders the agent may read; none means every folder its account can read. */
  root?: string[];
}

/** Enrols this machine as an agent and writes its identity to the data folder; returns the agent's id. */
export async function configure(options: ConfigureOptions): Promise<string> {
  const { token, data, group, name = hostname() } = options;
  const url = controlPlaneUrl(options.url);
  const roots = (options.root ?? []).map((root) => resolve(root));
  for (const root of roots)
    if (!existsSync(root)) throw new RefusedError(`the source root ${root} does not exist`);
  // A token that is used up before the identity can be kept would be lost.
  checkWritable(data);
  // A new key pair every time: the old one may belong to an agent that was removed because it leaked.
  const { publicKey, privateKey } = createKeyPair();
  try {
    const agentId = await enrol(url, {
      token,
      name,
      ...(group === undefined ? {} : { group }),
      version: AGENT_VERSION,
      protocol: AGENT_PROTOCOL,
      platform: `${process.platform}-${process.arch}`,
      publicKey,
    });
    saveIdentity(data, { controlPlane: url, agentId, name, roots }, privateKey);
    return agentId;
  } catch (error) {
    if (error instanceof ControlPlaneError && !error.retryable)
      throw new RefusedError(`${error.message} Create a new enrolment token and try again.`);
    throw error;
  }
}

/** The app's base URL; what administrators have at hand is that of its API. */
function controlPlaneUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RefusedError(
      `--url "${text}" is not the URL of a control plane, like https://longshore.azurewebsites.net`,
    );
  return `${url.origin}${url.pathname.replace(/\/*(api(\/v1)?)?\/*$/, "")}`;
}

function checkWritable(data: string): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    accessSync(data, constants.W_OK);
  } catch (error) {
    throw new RefusedError(`the data folder cannot be written to: ${(error as Error).message}`);
  }
}
