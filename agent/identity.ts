import { createPrivateKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignJWT } from "jose";
import { AGENT_TOKEN_AUDIENCE, AGENT_TOKEN_SECONDS } from "../shared/contracts/agents.ts";

export interface PublicJwk {
  kty: "OKP";
  crv: "Ed25519";
  x: string;
}

export interface KeyPair {
  publicKey: PublicJwk;
  /** PEM, for the agent's own key file and nothing else. */
  privateKey: string;
}

export function createKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  if (x === undefined) throw new Error("the public key has no JWK form");
  return {
    publicKey: { kty: "OKP", crv: "Ed25519", x },
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
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
