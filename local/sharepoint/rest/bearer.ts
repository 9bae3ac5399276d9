import { createRemoteJWKSet, jwtVerify } from "jose";

interface Refusal {
  status: 401 | 403;
  reason: string;
}
export type CheckBearer = (authorization: string | undefined) => Promise<Refusal | undefined>;

/** The application permission that every tool that works asks for. */
const NEEDED_ROLE = "Sites.FullControl.All";

/**
 * Returns a function that says what is wrong with an Authorization header, or undefined if nothing is.
 * With a JWKS URL the token must be an RS256 JWT for this server's origin; without, any token will do.
 */
export function bearerCheck(jwks: string | undefined, audience: string): CheckBearer {
  const keys = jwks === undefined ? undefined : createRemoteJWKSet(new URL(jwks));
  return async (authorization) => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (!token) {
      return { status: 401, reason: "The Authorization header must be 'Bearer <token>'" };
    }
    if (!keys) return undefined;
    try {
      const rules = { audience, algorithms: ["RS256"], requiredClaims: ["exp"] };
      const { roles } = (await jwtVerify(token, keys, rules)).payload;
      const isEnough = !Array.isArray(roles) || roles.includes(NEEDED_ROLE);
      return isEnough ? undefined : { status: 403, reason: `The app has no ${NEEDED_ROLE}` };
    } catch (error) {
      return { status: 401, reason: (error as Error).message };
    }
  };
}
