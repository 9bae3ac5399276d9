import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpRequest, HttpResponse } from "./http.ts";
import type { Tokens } from "./tokens.ts";

/** The identity of a caller that does not name one: the "system-assigned" one. */
const DEFAULT_APPLICATION = "longshore-app";

const refuse = (status: number, error: string, description: string): HttpResponse => ({
  status,
  body: { error, error_description: description },
});

/**
 * The managed identity endpoint of App Service and Functions (MS docs: overview-managed-identity, "REST endpoint
 * reference"), and the public key with which others check its tokens.
 */
export function identityApi(tokens: Tokens, secret: string) {
  return async ({ method, url, header }: HttpRequest): Promise<HttpResponse> => {
    if (method !== "GET") return refuse(405, "method_not_allowed", "Use GET.");
    if (url.pathname === "/.well-known/jwks.json") return { status: 200, body: tokens.jwks };
    if (url.pathname !== "/msi/token") return refuse(404, "not_found", `No ${url.pathname} here.`);
    if (!same(header("x-identity-header") ?? "", secret))
      return refuse(401, "unauthorized_client", "X-IDENTITY-HEADER is missing or wrong.");
    const resource = url.searchParams.get("resource")?.replace(/\/\.default$/, "");
    if (!resource) return refuse(400, "invalid_request", "resource is required.");
    const clientId = url.searchParams.get("client_id");
    const { token, expires } = await tokens.issue(clientId ?? DEFAULT_APPLICATION, resource);
    const body = {
      access_token: token,
      expires_on: String(expires),
      resource,
      token_type: "Bearer",
      ...(clientId && { client_id: clientId }),
    };
    return { status: 200, body };
  };
}

/** Compares in constant time; hashed, so that lengths may differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
