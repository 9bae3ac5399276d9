import { createRemoteJWKSet, jwtVerify } from "jose";

export type CheckBearer = (authorization: string | undefined) => Promise<string | undefined>;

/**
 * Returns a function that says what is wrong with an Authorization header, or undefined if nothing is.
 * With a JWKS URL the token must be an RS256 JWT for this server's origin; without, any token will do.
 */
export function bearerCheck(jwks: string | undefined, audience: string): CheckBearer {
  const keys = jwks === undefined ? undefined : createRemoteJWKSet(new URL(jwks));
  return async (authorization) => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (!token) return "The Authorization header must be 'Bearer <token>'";
    if (!keys) return undefined;
    try {
      await jwtVerify(token, keys, { audience, algorithms: ["RS256"], requiredClaims: ["exp"] });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
}
