import { createPrivateKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { z } from "zod";
import { createKeyPair, signRequest } from "../../agent/identity.ts";
import type { AnyRoute } from "../../functions/http/routing/route.ts";
import { unknownFields } from "../../functions/http/routing/unknownFields.ts";
import { AGENT_AUTH_SCHEME } from "../../shared/contracts/agents.ts";
import { problemSchema } from "../../shared/contracts/api.ts";
import { type Answer, startApi, type TestApi } from "../support/api.ts";
import { anyJson, broken, fitting, pathSegment } from "../support/arbitraries.ts";
import { loadRoutes } from "../support/routes.ts";

/* Every route with what fits its schemas and with what does not: no 500, no hang, nothing half-created. */

const RUNS = Number(process.env.FUZZ_RUNS ?? 12);
const SEED = Number(process.env.FUZZ_SEED ?? 4);
const LIMIT_MS = 10_000;

const routes = await loadRoutes();
const keys = createKeyPair();
const agentKey = createPrivateKey(keys.privateKey);
let api: TestApi;
let agentId: string;
/** Ids of what exists, by the names of path parameters. */
const known: Record<string, string> = {};

beforeAll(async () => {
  const unlimited = "1000000";
  api = await startApi({
    API_REQUESTS_PER_MINUTE: unlimited,
    AGENT_REQUESTS_PER_MINUTE: unlimited,
  });
}, 60_000);
afterAll(() => api?.stop());

/** Makes anew what an earlier request has removed. */
async function ensureAll(): Promise<void> {
  const isThere = async (path: string) => (await api.get(path)).status === 200;
  const id = async (path: string, body: unknown) => {
    const { status, json, text } = await api.post(path, body);
    if (status !== 201) throw new Error(`${path}: ${text}`);
    return json.id as string;
  };
  if (!known.session || !(await isThere(`v1/sessions/${known.session}/tasks`)))
    known.session = await id("v1/sessions", { name: "fuzz" });
  if (!known.task || !(await isThere(`v1/tasks/${known.task}`)))
    known.task = await id(`v1/sessions/${known.session}/tasks`, {
      name: "fuzz",
      source: `/srv/${Math.random()}`,
      destination: { siteUrl: api.surroundings.siteUrl, library: "Documents" },
      start: "manually",
    });
  if (!known.scan || !(await isThere(`v1/scans/${known.scan}`)))
    known.scan = await id("v1/scans", { name: "fuzz", source: `/srv/${Math.random()}` });
  if (!known.webhook || !(await isThere(`v1/webhooks/${known.webhook}`)))
    known.webhook = await id("v1/webhooks", { url: "https://localhost:1/" });
  if (!known.agent || !(await isThere(`v1/agents/${known.agent}`))) {
    const { token } = (await api.post("v1/enrolment-tokens", { uses: 5 })).json;
    const agent = { name: "fuzz", version: "1", platform: "test", publicKey: keys.publicKey };
    const { json } = await api.post("agent/v1/enrol", { token, ...agent }, { as: null });
    known.agent = agentId = json.agentId;
  }
  known.token ??= (await api.post("v1/enrolment-tokens", {})).json.id;
}

/** Everything that lists show. A refused request must add nothing to it; some things go by themselves, such as old tokens. */
async function everything(): Promise<Set<string>> {
  const tasks = `v1/sessions/${known.session}/tasks`;
  const lists = ["v1/sessions", tasks, "v1/scans", "v1/webhooks", "v1/enrolment-tokens"];
  const settings = (await api.get("v1/settings")).text;
  return new Set([...(await Promise.all(lists.map(idsIn))).flat(), settings]);
}

async function idsIn(list: string): Promise<string[]> {
  const ids: string[] = [];
  for (let after = ""; ; ) {
    const { status, text, json } = await api.get(list + after);
    if (status !== 200) throw new Error(`${list}: ${text}`);
    ids.push(...(text.match(/"id":"[^"]+"/g) ?? []));
    if (!json.next) return ids;
    after = `?after=${encodeURIComponent(json.next)}`;
  }
}

const HINTS = () => ({
  siteUrl: [api.surroundings.siteUrl, "https://contoso.example/sites/x"],
  library: ["Documents", "None"],
  source: ["/srv/share", "\\\\server\\share\\folder", "C:\\data"],
  url: ["https://localhost:1/x", "https://example.invalid/hook"],
  folder: ["", "a/b"],
  timeZone: ["Europe/Paris", "UTC"],
  cron: ["0 3 * * *", "*/5 * * * *"],
  group: ["default", "paris"],
  agentGroup: ["default", "paris"],
  tasks: [[known.task], []],
});

interface Shot {
  path: string;
  query: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const jsonSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });

function shots(route: AnyRoute): fc.Arbitrary<Shot> {
  const segments = route.route.split("/").map((segment) => {
    const name = /^\{(\w+)/.exec(segment)?.[1];
    if (!name) return fc.constant(segment);
    return pathSegment([known[name] ?? (name === "round" ? "0" : [])].flat());
  });
  const queryValues = route.query
    ? fc.oneof(
        fitting(jsonSchema(route.query), HINTS()),
        broken(fitting(jsonSchema(route.query), HINTS())),
      )
    : anyJson;
  const good = route.body ? fitting(jsonSchema(route.body), HINTS()) : fc.constant({});
  const body = fc.oneof(
    { arbitrary: good.map((value) => JSON.stringify(value)), weight: 5 },
    { arbitrary: broken(good).map((value) => JSON.stringify(value)), weight: 5 },
    fc.constantFrom(
      "",
      "{",
      "[1,",
      '"',
      "\u0000",
      "{}",
      "null",
      '{"__proto__":{"a":1}}',
      "[".repeat(100_000),
    ),
  );
  const types = [
    "application/json",
    "text/csv",
    "text/plain",
    "",
    "application/json; charset=utf-8",
  ];
  const oddHeaders = fc.record(
    {
      "if-match": fc.constantFrom("*", '"x"', "", 'W/"a", *', "é"),
      "if-none-match": fc.constantFrom("*", '"x"'),
      "idempotency-key": fc.oneof(fc.constantFrom("k", "", "x".repeat(300)), fc.uuid()),
      "content-type": fc.oneof(
        { arbitrary: fc.constant((route.consumes ?? types)[0] as string), weight: 6 },
        fc.constantFrom(...types),
      ),
    },
    { requiredKeys: route.body ? ["content-type"] : [] },
  );
  return fc.record({
    path: fc.tuple(...segments).map((each) => each.join("/")),
    query: queryValues.map(queryText),
    headers: oddHeaders.map((headers) => headers as Record<string, string>),
    body: route.method === "GET" ? fc.constant(undefined) : body,
  });
}

function queryText(values: unknown): string {
  if (typeof values !== "object" || values === null) return "";
  const texts = Object.entries(values).slice(0, 20);
  const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const params = texts.map(([name, value]) => [name, textOf(value).slice(0, 2_000).toWellFormed()]);
  return `?${new URLSearchParams(params as [string, string][])}`;
}

async function fire({ method, role }: AnyRoute, shot: Shot): Promise<Answer> {
  const { path, query, body = "" } = shot;
  const { pathname } = new URL(api.url + path);
  const now = Date.now() / 1000;
  const signed = async () =>
    `${AGENT_AUTH_SCHEME} ${await signRequest(agentKey, agentId, { method, path: pathname, body, now })}`;
  const headers = {
    ...shot.headers,
    ...(role === "agent" && { authorization: await signed() }),
  };
  const isForPeople = role !== "agent" && role !== "anyone";
  return api.call(method, path + query, {
    as: isForPeople ? "administrator" : null,
    headers,
    body: shot.body === undefined ? undefined : Buffer.from(shot.body),
  });
}

function fitsItsRoute(route: AnyRoute, answer: Answer): void {
  if (answer.status >= 500)
    throw new Error(`${answer.status} ${answer.text}\n${api.log().slice(-3000)}`);
  if (answer.status >= 400) {
    // What no route takes the host answers itself, with nothing.
    if (answer.text === "" && [400, 401, 404, 413, 431].includes(answer.status)) return;
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(problemSchema.parse(answer.json).status).toBe(answer.status);
  } else if (route.response && answer.status !== 304) {
    expect(answer.status).toBe(route.status ?? 200);
    route.response.parse(answer.json);
    expect(unknownFields(route.response, answer.json)).toEqual([]);
  }
}

describe("whatever is sent to", () => {
  it.each(routes.map((route) => [`${route.method} ${route.route}`, route] as const))(
    "%s",
    async (_name, route) => {
      await ensureAll();
      const isCreation = route.status === 201 || route.idempotent === true;
      let before = isCreation ? await everything() : new Set<string>();
      const holds = fc.asyncProperty(shots(route), async (shot) => {
        const began = Date.now();
        const answer = await fire(route, shot);
        if (Date.now() - began > LIMIT_MS) throw new Error("took too long");
        // A path with other segments leads to another route, or to none.
        fitsItsRoute(
          isOther(route, shot) ? ({ ...route, response: undefined } as never) : route,
          answer,
        );
        if (!isCreation) return;
        const after = await everything();
        if (answer.status >= 400) expect([...after].filter((id) => !before.has(id))).toEqual([]);
        before = after;
      });
      await fc.assert(holds, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    },
    60_000,
  );

  it("the host survives it all", async () => {
    expect((await api.get("v1/sessions")).status).toBe(200);
    expect(api.log()).not.toMatch(/"level":"critical"/);
  });
});

/** Whether a router would take the path for another route: "." and ".." are resolved, "/" may be within a text. */
function isOther(route: AnyRoute, { path }: Shot): boolean {
  const { pathname } = new URL(api.url + path);
  const inBase = pathname.slice(new URL(api.url).pathname.length);
  return (
    inBase !== path ||
    routes.some((each) => each !== route && each.method === route.method && each.route === path)
  );
}
