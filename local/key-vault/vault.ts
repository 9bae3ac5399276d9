import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { openCertificate } from "../certificate.ts";
import { makePrivateDirectory } from "../private-files.ts";
import { VaultError } from "./errors.ts";
import { type HttpRequest, type HttpResponse, serveHttp } from "./http.ts";
import { identityApi } from "./identity-api.ts";
import { openKeyStore } from "./key-store.ts";
import { keysApi } from "./keys-api.ts";
import { openTokens, TENANT, type Tokens } from "./tokens.ts";

export interface KeyVaultOptions {
  /** Where keys and the signing key live; made if missing. */
  dataDirectory: string;
  /** Where the certificate is, made if missing; absent: the data directory. */
  certificateDirectory?: string | undefined;
  /** The shared secret of the identity endpoint: what callers have in IDENTITY_HEADER. */
  identitySecret: string;
  /** 0 or absent: free ones. */
  port?: number;
  identityPort?: number;
  log?: Logger;
}

export interface KeyVault {
  /** What a KeyClient takes. */
  url: string;
  /** What IDENTITY_ENDPOINT takes. */
  identityUrl: string;
  jwksUrl: string;
  /** The vault's certificate, for clients to trust: a path for NODE_EXTRA_CA_CERTS. */
  certificateFile: string;
  close(): Promise<void>;
}

/** The resource that Key Vault's tokens are for. */
const RESOURCE = "https://vault.azure.net";
/** Tells a client where to get a token; its first request comes without one and without a body. */
const CHALLENGE = `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="${RESOURCE}"`;

/** Starts a vault and an identity endpoint on 127.0.0.1. Resolves when both accept connections. */
export async function startKeyVault(options: KeyVaultOptions): Promise<KeyVault> {
  const { dataDirectory, identitySecret, port = 0, identityPort = 0 } = options;
  const log = options.log ?? pino({ level: "silent" });
  if (!identitySecret) throw new Error("identitySecret must not be empty.");
  makePrivateDirectory(dataDirectory);
  const tokens = await openTokens(dataDirectory);
  const store = openKeyStore(join(dataDirectory, "keys"));
  const certificate = await openCertificate(options.certificateDirectory ?? dataDirectory);
  let handle: (request: HttpRequest) => Promise<unknown>;
  const vault = await serveHttp(
    port,
    (request) => answer(request, tokens, handle, log),
    certificate,
  );
  const url = `https://127.0.0.1:${vault.port}`;
  handle = keysApi(store, url);
  const identity = await serveHttp(identityPort, identityApi(tokens, identitySecret)).catch(
    async (error: unknown) => {
      await vault.close();
      throw error;
    },
  );
  const identityBase = `http://127.0.0.1:${identity.port}`;
  return {
    url,
    identityUrl: `${identityBase}/msi/token`,
    jwksUrl: `${identityBase}/.well-known/jwks.json`,
    certificateFile: certificate.file,
    async close() {
      await Promise.all([vault.close(), identity.close()]);
    },
  };
}

async function answer(
  request: HttpRequest,
  tokens: Tokens,
  handle: (request: HttpRequest) => Promise<unknown>,
  log: Logger,
): Promise<HttpResponse> {
  const headers = { "x-ms-request-id": randomUUID() };
  const fail = (status: number, error: object, more = {}): HttpResponse => ({
    status,
    body: { error },
    headers: { ...headers, ...more },
  });
  const token = /^Bearer (.+)$/i.exec(request.header("authorization") ?? "")?.[1];
  const application = token && (await tokens.verify(token, RESOURCE));
  if (!application) {
    const message = "The request has no valid bearer token for this vault.";
    return fail(401, { code: "Unauthorized", message }, { "www-authenticate": CHALLENGE });
  }
  const { method, url } = request;
  const fields = { application, method, path: url.pathname };
  try {
    const body = await handle(request);
    log.info(fields, "vault.request");
    return body === undefined ? { status: 204, headers } : { status: 200, body, headers };
  } catch (error) {
    if (error instanceof VaultError) {
      const { status, code, message, inner } = error;
      log.info({ ...fields, status, reason: message }, "vault.refused");
      return fail(status, { code, message, ...(inner && { innererror: { code: inner } }) });
    }
    log.error({ ...fields, err: error }, "vault.failed");
    const message = "The vault could not handle this.";
    return fail(500, { code: "InternalServerError", message });
  }
}
