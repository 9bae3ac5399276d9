import { existsSync } from "node:fs";
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
  const { url, token, data, group, name = hostname() } = options;
  const roots = (options.root ?? []).map((root) => resolve(root));
  for (const root of roots)
    if (!existsSync(root)) throw new RefusedError(`the source root ${root} does not exist`);
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
      throw new RefusedError(`${error.message}: create a new enrolment token and try again`);
    throw error;
  }
}
