import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { ROLES, type Role } from "../../shared/contracts/api.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";

/** Who calls, as the audit names it. `id` tells callers apart that may share a name. */
export interface Caller {
  role: Role;
  name: string;
  id: string;
}

/** A function key that is less than an administrator's, or has a name: only its SHA-256 is known here. */
export interface RoleKey {
  hash: Buffer;
  role: Role;
  name?: string;
}

const ROLE_KEY = new RegExp(`^([0-9a-f]{64}):(${ROLES.join("|")})(?::(.{1,100}))?$`, "i");

/** Parses the setting `ROLE_KEYS`: `<SHA-256 of the key in hex>:<role>[:<name>]`, separated by commas or semicolons. */
export function parseRoleKeys(text: string): RoleKey[] {
  const entries = text.split(/[,;]/).map((entry) => entry.trim());
  return entries.filter(Boolean).map((entry) => {
    const [, hex, role, name] = ROLE_KEY.exec(entry) ?? [];
    if (hex === undefined)
      throw new Error(`"${entry.slice(0, 12)}..." is not <SHA-256 in hex>:<role>[:<name>]`);
    const known = { hash: Buffer.from(hex, "hex"), role: role?.toLowerCase() as Role };
    return name === undefined ? known : { ...known, name };
  });
}

/**
 * The caller behind a function key. The Functions host has let the key pass already, so one that is not listed is an
 * administrator's. All entries are compared, in constant time each.
 */
export function callerOfKey(keys: readonly RoleKey[], headers: Headers, url: URL): Caller {
  const inHeader = headers.get("x-functions-key");
  const inQuery = [...url.searchParams].filter(([name]) => name.toLowerCase() === "code");
  const given = [...(inHeader === null ? [] : [inHeader]), ...inQuery.map(([, value]) => value)];
  const key = given[0] ?? "";
  // Of several keys the host looks at one only. Were another one, or all of them joined, looked up here and not found, a
  // reader could send anything beside its key and pass for an administrator.
  if (given.length !== 1 || key === "" || /[,\s]/.test(key))
    throw new LongshoreError("UNAUTHORIZED", "send one function key, as x-functions-key");
  const hash = createHash("sha256").update(key).digest();
  const listed = keys.filter((each) => timingSafeEqual(each.hash, hash)).at(0);
  const id = `key-${hash.toString("hex", 0, 6)}`;
  return { role: listed?.role ?? "administrator", name: listed?.name ?? id, id };
}

const principalSchema = z.object({
  auth_typ: z.string(),
  name_typ: z.string().nullish(),
  role_typ: z.string().nullish(),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

const OBJECT_ID = ["http://schemas.microsoft.com/identity/claims/objectidentifier", "oid"];
const ROLE_PREFIX = "longshore.";

/**
 * The caller whom App Service authentication has signed in with Entra ID; it removes the header from what comes in and writes
 * its own (MS docs: configure-authentication-user-identities). The app roles are Longshore.Reader, .Operator, .Administrator.
 */
export function callerOfPrincipal(headers: Headers, needed: Role): Caller {
  const header = headers.get("x-ms-client-principal");
  if (!header) throw new LongshoreError("UNAUTHORIZED", "sign in with Entra ID");
  const parsed = principalSchema.safeParse(decoded(header));
  if (!parsed.success || parsed.data.auth_typ.toLowerCase() !== "aad")
    throw new LongshoreError("UNAUTHORIZED", "the caller was not signed in by Entra ID");
  const { claims, name_typ, role_typ } = parsed.data;
  const valuesOf = (...types: (string | null | undefined)[]) =>
    claims.filter(({ typ }) => types.includes(typ)).map(({ val }) => val);
  const id = valuesOf(...OBJECT_ID)[0];
  if (id === undefined)
    throw new LongshoreError("UNAUTHORIZED", "the sign-in carries no object id of the caller");
  const granted = valuesOf("roles", role_typ).map((role) => role.toLowerCase());
  const role = ROLES.findLast((each) => granted.includes(ROLE_PREFIX + each));
  if (!role) throw forbidden(needed);
  return { role, name: valuesOf("preferred_username", name_typ, "name")[0] ?? id, id };
}

function decoded(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Refuses a caller whose role is below the one that is needed. */
export function requireRole(caller: Caller, needed: Role): void {
  if (ROLES.indexOf(caller.role) < ROLES.indexOf(needed)) throw forbidden(needed, caller.role);
}

const forbidden = (needed: Role, has?: Role) =>
  new LongshoreError(
    "FORBIDDEN",
    `this needs the role ${needed}; the caller ${has ? `is ${has}` : "has no role"}`,
  );
