import { AGENT_PROTOCOL, type HelloRequest } from "../shared/contracts/agents.ts";

/** The agent's version, as it tells the control plane; a test holds it equal to package.json. */
export const AGENT_VERSION = "0.1.0";

/** How the agent introduces itself. */
export const introduction = (slots: number, sourceRoots: readonly string[]): HelloRequest => ({
  version: AGENT_VERSION,
  protocol: AGENT_PROTOCOL,
  slots,
  sourceRoots: [...sourceRoots],
});
