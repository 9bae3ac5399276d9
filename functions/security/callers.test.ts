import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { callerOfKey, callerOfPrincipal, parseRoleKeys, requireRole } from "./callers.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const KEYS = parseRoleKeys(
  `${sha256("r-key")}:reader:Ana Lee, ${sha256("o-key").toUpperCase()}:Operator;`,
);
const byKey = (headers: Record<string, string>, query = "") =>
  callerOfKey(KEYS, new Headers(headers), new URL(`http://x/api/v1/tasks${query}`));

describe("a function key", () => {
  it("is looked up by its hash, in header or query", () => {
    expect(byKey({ "x-functions-key": "r-key" })).toMatchObject({
      role: "reader",
      name: "Ana Lee",
    });
    expect(byKey({}, "?code=o-key")).toMatchObject({ role: "operator" });
  });

  it("that is not listed is an administrator's, named by its hash", () => {
    const name = `key-${sha256("other").slice(0, 12)}`;
    expect(byKey({ "x-functions-key": "other" })).toEqual({
      role: "administrator",
      name,
      id: name,
    });
  });

  it.each([
    [{}, ""],
    [{ "x-functions-key": "" }, ""],
    // As two headers of the name, or two values in the query, reach the app: the host has looked at the first one only.
    [{ "x-functions-key": "r-key, x" }, ""],
    [{}, "?code=r-key&code=x"],
    [{}, "?CODE=r-key&code=x"],
    [{}, "?code=r-key,x"],
    [{ "x-functions-key": "r-key" }, "?code=x"],
  ])("is asked for, a single one: %j %s", (headers: Record<string, string>, query) => {
    expect(() => byKey(headers, query)).toThrow("one function key");
  });

  it("list with a mistake in it is refused without showing the hash", () => {
    for (const wrong of ["abc:reader", `${sha256("x")}:root`, `${sha256("x")}`])
      expect(() => parseRoleKeys(wrong)).toThrow("is not <SHA-256 in hex>:<role>");
    expect(() => parseRoleKeys(`${sha256("x")}:root`)).not.toThrow(sha256("x"));
    expect(parseRoleKeys(" ")).toEqual([]);
  });
});

const claims = (...roles: string[]) => [
  { typ: "http://schemas.microsoft.com/identity/claims/objectidentifier", val: "oid-1" },
  { typ: "preferred_username", val: "ana@contoso.example" },
  ...roles.map((val) => ({ typ: "roles", val })),
];
const principal = (value: unknown) =>
  new Headers({ "x-ms-client-principal": Buffer.from(JSON.stringify(value)).toString("base64") });
const byEntra = (...roles: string[]) =>
  callerOfPrincipal(principal({ auth_typ: "aad", claims: claims(...roles) }), "reader");

describe("a caller signed in by Entra ID", () => {
  it("has the highest of its app roles, a name and an object id", () => {
    expect(byEntra("Longshore.Reader", "Longshore.Operator", "Other.Administrator")).toEqual({
      ...{ role: "operator", name: "ana@contoso.example", id: "oid-1" },
    });
  });

  it("may have its roles under another claim type", () => {
    const value = {
      ...{ auth_typ: "aad", role_typ: "urn:role", name_typ: "urn:name" },
      claims: [...claims(), { typ: "urn:role", val: "Longshore.Administrator" }],
    };
    expect(callerOfPrincipal(principal(value), "reader").role).toBe("administrator");
  });

  it("without one of our roles is told which it needs", () => {
    expect(() => byEntra("Other.Reader")).toThrow("needs the role reader");
  });

  it.each([
    ["nothing", new Headers()],
    ["nonsense", new Headers({ "x-ms-client-principal": "%%%" })],
    ["another provider", principal({ auth_typ: "facebook", claims: claims("Longshore.Reader") })],
    ["no object id", principal({ auth_typ: "aad", claims: claims("Longshore.Reader").slice(1) })],
  ])("is not one with %s in the header", (_what, headers) => {
    expect(() => callerOfPrincipal(headers, "reader")).toThrow(
      expect.objectContaining({ code: "UNAUTHORIZED" }),
    );
  });
});

describe("a role", () => {
  it.each([
    ["reader", "reader", true],
    ["reader", "operator", false],
    ["operator", "reader", true],
    ["operator", "administrator", false],
    ["administrator", "operator", true],
  ] as const)("%s is enough for %s: %j", (role, needed, isEnough) => {
    const check = () => requireRole({ role, name: "x", id: "x" }, needed);
    if (isEnough) expect(check).not.toThrow();
    else expect(check).toThrow(`needs the role ${needed}; the caller is ${role}`);
  });
});
