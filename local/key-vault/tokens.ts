import { join } from "node:path";
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { readIfThere, writeDurably } from "../private-files.ts";

/** The directory ("tenant") that the tokens claim to come from. Made up: nobody looks it up. */
export const TENANT = "00000000-0000-0000-0000-000000000001";
const ISSUER = `https://sts.windows.net/${TENANT}/`;
const LIFETIME_SECONDS = 24 * 3_600;

export interface Tokens {
  /** The public key, for whoever accepts the tokens. */
  jwks: JSONWebKeySet;
  /** An access token of an application for a resource, in the shape of Entra's v1 tokens. */
  issue(application: string, resource: string): Promise<{ token: string; expires: number }>;
  /** The application a token was issued to; undefined unless it is genuine, current and for the resource. */
  verify(token: string, resource: string): Promise<string | undefined>;
}

/** Loads the signing key, or makes and keeps one: tokens stay good over a restart. */
export async function openTokens(directory: string): Promise<Tokens> {
  const privateJwk = await loadSigningKey(join(directory, "signing-key.json"));
  const privateKey = await importJWK(privateJwk, "RS256");
  const { kty, n, e, kid } = privateJwk;
  const jwks = { keys: [{ kty, n, e, kid, alg: "RS256", use: "sig" } as JWK] };
  const keySet = createLocalJWKSet(jwks);
  return {
    jwks,
    async issue(application, resource) {
      const now = Math.floor(Date.now() / 1_000);
      const expires = now + LIFETIME_SECONDS;
      const claims = {
        oid: application,
        appid: application,
        tid: TENANT,
        idtyp: "app",
        ver: "1.0",
      };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(kid && { kid }) })
        .setIssuer(ISSUER)
        .setAudience(resource)
        .setSubject(application)
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(expires)
        .sign(privateKey);
      return { token, expires };
    },
    async verify(token, resource) {
      const options = { issuer: ISSUER, audience: resource, algorithms: ["RS256"] };
      const result = await jwtVerify(token, keySet, options).catch(() => undefined);
      return result?.payload.sub;
    },
  };
}

async function loadSigningKey(file: string): Promise<JWK> {
  const stored = readIfThere(file);
  if (stored !== undefined) return JSON.parse(stored) as JWK;
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const named = { ...jwk, kid: await calculateJwkThumbprint(jwk) };
  writeDurably(file, JSON.stringify(named));
  return named;
}
