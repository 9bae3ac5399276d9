import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { z } from "zod";
import type { AnyRoute } from "../../functions/http/routing/route.ts";
import { unknownFields } from "../../functions/http/routing/unknownFields.ts";
import { problemSchema, ROLES, type Role } from "../../shared/contracts/api.ts";
import { startApi, type TestApi } from "../support/api.ts";
import { loadRoutes } from "../support/routes.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape is what is tested
type Any = any;
let api: TestApi;
let document: Any;
let routes: readonly AnyRoute[];

beforeAll(async () => {
  routes = await loadRoutes();
  api = await startApi();
  document = (await api.get("v1/openapi.json", { as: "reader" })).json;
}, 60_000);
afterAll(() => api?.stop());

const METHODS = ["get", "put", "post", "delete", "patch"];
const operations = (): { path: string; method: string; operation: Any }[] =>
  Object.entries(document.paths as Record<string, Any>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );

function* objectsIn(value: Any, path = "#"): Generator<{ path: string; value: Any }> {
  if (typeof value !== "object" || value === null) return;
  yield { path, value };
  for (const [key, each] of Object.entries(value)) yield* objectsIn(each, `${path}/${key}`);
}

const resolve = (ref: string): Any =>
  ref
    .slice(2)
    .split("/")
    .reduce((at: Any, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], document);

/** What JSON Schema 2020-12 calls a schema, as far as ours go. */
const KEYWORDS = new Set([
  ...["$ref", "type", "enum", "const", "default", "description", "format", "pattern"],
  ...["minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["multipleOf", "items", "prefixItems", "minItems", "maxItems", "properties", "required"],
  ...["additionalProperties", "propertyNames", "anyOf", "oneOf", "allOf", "not"],
  ...["contentEncoding", "contentMediaType", "title", "examples", "deprecated", "readOnly"],
]);
const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];

function schemaFaults(schema: Any, at: string): string[] {
  if (typeof schema === "boolean") return [];
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    return [`${at}: no schema`];
  const faults = Object.keys(schema)
    .filter((key) => !KEYWORDS.has(key))
    .map((key) => `${at}: ${key}`);
  const types = [schema.type ?? []].flat();
  if (types.some((type: string) => !TYPES.includes(type))) faults.push(`${at}: type`);
  if (schema.pattern) new RegExp(schema.pattern, "u");
  for (const name of schema.required ?? [])
    if (!schema.properties?.[name] && schema.additionalProperties === undefined)
      faults.push(`${at}: ${name} is required and no property`);
  const children = [
    ...Object.entries(schema.properties ?? {}),
    ...["anyOf", "oneOf", "allOf", "prefixItems"].flatMap((key) =>
      Object.entries(schema[key] ?? []),
    ),
    ...["items", "additionalProperties", "propertyNames", "not"]
      .filter((key) => schema[key] !== undefined)
      .map((key) => [key, schema[key]]),
  ] as [string, Any][];
  return [...faults, ...children.flatMap(([key, child]) => schemaFaults(child, `${at}/${key}`))];
}

describe("the OpenAPI document", () => {
  it("is 3.1 with everything that must be there", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info).toMatchObject({ title: "Longshore", version: expect.any(String) });
    expect(Object.keys(document).sort()).toEqual(
      ["components", "info", "openapi", "paths", "servers", "tags"].sort(),
    );
  });

  it("has operations with an id of their own, a known tag, a summary and answers", () => {
    const tags = document.tags.map(({ name }: { name: string }) => name);
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, operation } of operations()) {
      expect(path).toMatch(/^\/[^?#]+$/);
      expect(METHODS).toContain(method);
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
      expect(Object.keys(operation.responses).filter((key) => /^2\d\d$/.test(key))).toHaveLength(1);
      if (operation.requestBody) expect(["post", "put", "patch"]).toContain(method);
    }
  });

  it("names every path parameter once, and no other", () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters.filter((each: Any) => each.in === "path");
      const names = inPath.map(({ name }: Any) => name);
      expect(names).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(inPath.every(({ required }: Any) => required === true)).toBe(true);
      const keys = operation.parameters.map((each: Any) => each.$ref ?? `${each.in} ${each.name}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  it("has no query parameter that the host takes for a function key", () => {
    const named = operations().flatMap(({ operation }) => operation.parameters);
    expect(named.filter(({ name = "" }) => name.toLowerCase() === "code")).toEqual([]);
  });

  it("has no reference that leads nowhere, and no component that nobody needs", () => {
    const refs = [...objectsIn(document)].flatMap(({ value }) => value.$ref ?? []);
    for (const ref of refs) expect([ref, resolve(ref)]).toEqual([ref, expect.any(Object)]);
    const used = new Set(refs);
    const components = ["schemas", "parameters", "headers", "responses"].flatMap((kind) =>
      Object.keys(document.components[kind]).map((name) => `#/components/${kind}/${name}`),
    );
    expect(components.filter((ref) => !used.has(ref))).toEqual([]);
  });

  it("has schemas of JSON Schema 2020-12 only", () => {
    const schemas = [
      ...Object.entries(document.components.schemas),
      ...[...objectsIn(document.paths)].flatMap(({ path, value }) =>
        value.schema && !path.endsWith("/properties") ? [[path, value.schema]] : [],
      ),
    ] as [string, Any][];
    expect(schemas.flatMap(([name, schema]) => schemaFaults(schema, name))).toEqual([]);
  });

  it("has a security scheme for every requirement", () => {
    for (const { operation } of operations())
      for (const requirement of operation.security)
        for (const name of Object.keys(requirement))
          expect(document.components.securitySchemes[name]).toBeDefined();
  });
});

describe("the contracts", () => {
  it("are all known by name to the document", () => {
    const contracts = readdirSync("shared/contracts").filter(
      (file) => /(?<!\.test)\.ts$/.test(file) && file !== "errors.ts",
    );
    const known = readFileSync("functions/http/routing/jsonSchemas.ts", "utf8");
    expect(contracts.filter((file) => !known.includes(`shared/contracts/${file}"`))).toEqual([]);
  });
});

describe("routes, functions and document", () => {
  it("are the same set", async () => {
    const described = operations().map(({ operation }) => operation.operationId);
    expect(described.sort()).toEqual(routes.map(({ name }) => name).sort());
    // Who has no proof is refused by every route that exists; what does not exist is not found.
    for (const { name, method, route, role } of routes) {
      const { status } = await api.call(method, route.replace(/\{[^}]*\}/g, "0"), { as: null });
      expect([name, status]).toEqual([name, role === "anyone" ? 400 : 401]);
    }
  });

  it("every route refuses whose role is not enough, and names the one that is", async () => {
    for (const { name, method, route, role } of routes) {
      const tooLittle = ROLES.slice(0, Math.max(0, ROLES.indexOf(role as Role)));
      for (const as of tooLittle) {
        const path = route.replace(/\{[^}]*\}/g, "0");
        const { status, json } = await api.call(method, path, { as, headers: { "if-match": "*" } });
        expect([name, as, status, json.code]).toEqual([name, as, 403, "FORBIDDEN"]);
        expect(json.detail).toContain(`the role ${role}`);
      }
    }
  });

  it("there is no other way to register an HTTP function, but for what no route takes", () => {
    const files = readdirSync("functions", { recursive: true, encoding: "utf8" });
    const source = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
    const registering = source.filter((file) =>
      /app\.(http|get|post|put|patch|deleteRequest)\(/.test(
        readFileSync(join("functions", file), "utf8"),
      ),
    );
    expect(registering).toEqual([
      join("http", "noSuchRoute.ts"),
      join("http", "routing", "route.ts"),
    ]);
  });

  it("every route says what it answers with, and every change who may make it", () => {
    for (const { name, method, response, produces, role, idempotent } of routes) {
      if (idempotent) expect([name, Boolean(response)]).toEqual([name, true]);
      if (method === "GET") expect([name, Boolean(response ?? produces)]).toEqual([name, true]);
      if (method !== "GET") expect([name, role]).not.toEqual([name, "reader"]);
    }
  });
});

describe("what the app really answers", () => {
  it("fits the schemas of its routes", async () => {
    const { id: session } = await seen("POST", "v1/sessions", { name: "Finance" });
    const destination = { siteUrl: api.surroundings.siteUrl, library: "Documents" };
    const body = { name: "A", source: "/srv/a", destination, start: "manually" };
    const { id: task } = await seen("POST", `v1/sessions/${session}/tasks`, body);
    await seen("POST", `v1/tasks/${task}/run`);
    const { id: webhook } = await seen("POST", "v1/webhooks", { url: "https://x.example/hook" });
    await seen("POST", "v1/enrolment-tokens", {});
    await seen("PUT", "v1/settings", { attemptsPerItem: 2 }, { "if-match": "*" });
    const known: Record<string, string> = { session, task, webhook };
    // Every route that only reads, with whatever of its parameters exists.
    for (const { method, route } of routes) {
      const names = [...route.matchAll(/\{(\w+)/g)].map(([, name]) => name as string);
      if (method !== "GET" || !names.every((name) => known[name] || name === "round")) continue;
      const path = route.replace(/\{(\w+)[^}]*\}/g, (_, name) => known[name] ?? "0");
      await seen("GET", path);
    }
    const checked = new Set(validated);
    expect(checked.size).toBeGreaterThan(12);
  }, 30_000);

  const validated: string[] = [];

  async function seen(method: string, path: string, body?: unknown, headers = {}): Promise<Any> {
    const answer = await api.call(method, path, { body, headers });
    const route = routeOf(method, path);
    validated.push(route.name);
    if (answer.status >= 400) {
      expect([route.name, answer.status, problemSchema.safeParse(answer.json).success]).toEqual([
        ...[route.name, 404, true],
      ]);
      return undefined;
    }
    expect([route.name, answer.status]).toEqual([route.name, route.status ?? 200]);
    if (route.response)
      expect([route.name, misfits(route.response, answer.json)]).toEqual([route.name, []]);
    return answer.json;
  }
});

function misfits(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return [
    ...(error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`),
    ...unknownFields(schema, value).map((field) => `${field}: not in the schema`),
  ];
}

function routeOf(method: string, path: string): AnyRoute {
  const fits = ({ route }: AnyRoute) =>
    new RegExp(`^${route.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`).test(path);
  const found = routes.filter((route) => route.method === method && fits(route));
  // As routers do: fixed segments before parameters.
  return found.sort((a, b) => a.route.split("{").length - b.route.split("{").length)[0] as AnyRoute;
}
