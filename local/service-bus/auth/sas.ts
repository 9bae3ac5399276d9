import { createHmac, timingSafeEqual } from "node:crypto";
import type { Policy, Right } from "../config.ts";
import { unauthorized } from "../errors.ts";

/** What a verified token allows. */
export interface Grant {
  rights: ReadonlySet<Right>;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** A path of the namespace in comparable form: no scheme, host or query, lower case. The whole namespace is "". */
export const pathOf = (address: string): string =>
  address
    .replace(/^[a-z]+:\/\/[^/]*\/?/i, "")
    .replace(/\?.*$/, "")
    .replace(/^\/+|\/+$/g, "")
    .toLowerCase();

/** Whether `path` is `scope` or lies below it. */
export const covers = (scope: string, path: string): boolean =>
  scope === "" || path === scope || path.startsWith(`${scope}/`);

/**
 * Verifies `SharedAccessSignature sr=..&sig=..&se=..&skn=..` for an audience. The signature is HMAC-SHA256 over
 * `sr + "\n" + se` with the key as UTF-8 text and `sr` as encoded by its maker (MS docs: service-bus-sas). The host in
 * `sr` is not compared: one broker answers to localhost and to 127.0.0.1. Throws an unauthorized error.
 */
export function verifySas(token: string, audience: string, policies: readonly Policy[]): Grant {
  const { sr, se, scope, policyName, signature } = parseToken(token);
  const expiresAt = Number(se) * 1_000;
  if (!(expiresAt > Date.now())) throw unauthorized("ExpiredToken: The token is expired.");
  if (!covers(scope, pathOf(audience)))
    throw unauthorized(`InvalidAudience: The token is for '${scope}', not for '${audience}'.`);
  const policy = policies.find(
    (candidate) =>
      candidate.name === policyName &&
      (candidate.entity === undefined || covers(candidate.entity.toLowerCase(), scope)),
  );
  for (const key of [policy?.primaryKey, policy?.secondaryKey]) {
    if (!policy || key === undefined) continue;
    const expected = createHmac("sha256", key).update(`${sr}\n${se}`).digest();
    if (expected.length === signature.length && timingSafeEqual(expected, signature))
      return { rights: new Set(policy.rights), expiresAt };
  }
  throw unauthorized("InvalidSignature: The token has an invalid signature.");
}

function parseToken(token: string) {
  const fields = /^SharedAccessSignature\s+(.+)$/i.exec(token)?.[1];
  const { sr, sig, se, skn } = Object.fromEntries(
    (fields ?? "").split("&").map((field) => {
      const at = field.indexOf("=");
      return [field.slice(0, at), field.slice(at + 1)];
    }),
  ) as Partial<Record<string, string>>;
  try {
    if (sr && sig && se && skn)
      return {
        sr,
        se,
        scope: pathOf(decodeURIComponent(sr)),
        policyName: decodeURIComponent(skn),
        signature: Buffer.from(decodeURIComponent(sig), "base64"),
      };
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  throw unauthorized("MalformedToken: sr, sig, se and skn are required, URL-encoded.");
}
