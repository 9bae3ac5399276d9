import { createHash } from "node:crypto";
import { decodeJwt, importJWK, type JWTPayload, jwtVerify } from "jose";
import {
  AGENT_AUTH_SCHEME,
  AGENT_TOKEN_AUDIENCE,
  AGENT_TOKEN_SECONDS,
} from "../../shared/contracts/agents.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { isId } from "../domain/ids.ts";
import type { AgentRecord } from "../domain/records.ts";
import type { AgentStore } from "../stores/agents.ts";

export interface SignedRequest {
  authorization: string | null;
  method: string;
  path: string;
  body: string;
}

/**
 * The agent that signed a request. The signature covers method, path and body and is a minute old at most, so a request that
 * somebody overhears can be repeated but not turned into another one; every agent route bears being repeated.
 */
export async function verifyAgent(
  agents: AgentStore,
  request: SignedRequest,
): Promise<AgentRecord> {
  const refuse = (detail: string, cause?: unknown): never => {
    throw new LongshoreError("UNAUTHORIZED", detail, { cause });
  };
  const [scheme, token] = request.authorization?.split(" ") ?? [];
  if (scheme !== AGENT_AUTH_SCHEME || !token)
    return refuse(`send "Authorization: ${AGENT_AUTH_SCHEME} <signature>"`);
  let claims: JWTPayload;
  try {
    claims = decodeJwt(token);
  } catch (error) {
    return refuse("the signature is not a JWT", error);
  }
  const agent = isId(claims.iss) ? await agents.find(claims.iss) : undefined;
  if (!agent) return refuse("this agent is not enrolled here");
  try {
    await jwtVerify(token, await importJWK(agent.publicKey, "EdDSA"), {
      algorithms: ["EdDSA"],
      audience: AGENT_TOKEN_AUDIENCE,
      maxTokenAge: AGENT_TOKEN_SECONDS,
      clockTolerance: 30,
    });
  } catch (error) {
    return refuse(`the signature is not valid: ${(error as Error).message}`, error);
  }
  const bodyHash = createHash("sha256").update(request.body).digest("base64url");
  if (claims.htm !== request.method || claims.htu !== request.path || claims.bh !== bodyHash)
    return refuse("the signature belongs to another request");
  if (!agent.enabled) throw new LongshoreError("AGENT_DISABLED");
  return agent;
}
