import { createPrivateKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { SignJWT } from "jose";
import { AGENT_TOKEN_AUDIENCE, AGENT_TOKEN_SECONDS } from "../shared/contracts/agents.ts";

export interface PublicJwk {
  kty: "OKP";
  crv: "Ed25519";
  x: string;
}

/** Makes the agent's key pair. The private half goes to `file`, for its owner only, and nowhere else. */
export function createKeyPair(file: string): PublicJwk {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const { x } = publicKey.export({ format: "jwk" });
  if (x === undefined) throw new Error("the public key has no JWK form");
  return { kty: "OKP", crv: "Ed25519", x };
}

export const loadPrivateKey = (file: string): KeyObject => createPrivateKey(readFileSync(file));

export interface SignedRequest {
  method: string;
  path: string;
  body: string;
  /** Seconds since 1970 as the control plane counts them. */
  now: number;
}

/** The JWT of one request, as contracts/agents.ts describes it. */
export function signRequest(
  key: KeyObject,
  agentId: string,
  { method, path, body, now }: SignedRequest,
): Promise<string> {
  return new SignJWT({ htm: method, htu: path, bh: hash("sha256", body, "base64url") })
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuer(agentId)
    .setAudience(AGENT_TOKEN_AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(now + AGENT_TOKEN_SECONDS)
    .sign(key);
}
