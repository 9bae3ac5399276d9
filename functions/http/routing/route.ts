import {
  app,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from "@azure/functions";
import type { DurableClient } from "durable-functions";
import * as df from "durable-functions";
import { z } from "zod";
import type { Role } from "../../../shared/contracts/api.ts";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { AgentRecord } from "../../domain/records.ts";
import { verifyAgent } from "../../security/agentSignature.ts";
import {
  type Caller,
  callerOfKey,
  callerOfPrincipal,
  requireRole,
} from "../../security/callers.ts";
import { RateLimits } from "../../security/rateLimits.ts";
import { type Services, services } from "../../services.ts";
import { headOf, IfMatch, matches, Noted, Raw, Tagged } from "./answers.ts";
import { audited } from "./audited.ts";
import { idempotently } from "./idempotency.ts";
import { Invalid, problem } from "./problems.ts";
import { checked, parseBody, queryOf, readText, refuseBody } from "./readRequest.ts";
import { paramsOf, parseParams, type RouteParams } from "./routeParams.ts";

export { Noted, Raw, tagged, taggedPart, unchanged } from "./answers.ts";

/** The parts of the API, as its document lists them. */
export const TAGS = [
  "sessions",
  "tasks",
  "scans",
  "reports",
  "agents",
  "settings",
  "administration",
  "work",
] as const;

export interface RouteDefinition<P extends string, Q, B, R> {
  /** Name of the function, and of the operation in the API's document. */
  name: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the app's route prefix: "v1/tasks/{task}". */
  route: P;
  /** Who may call: at least this role; an `agent` by its signature; `anyone` proves itself within the request. */
  role: Role | "agent" | "anyone";
  tag: (typeof TAGS)[number];
  summary: string;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  /** Media types of the body. One that is not JSON reaches the schema as text. */
  consumes?: readonly string[];
  /** JSON reaches the schema as text as well. */
  asText?: true;
  /** What a body may have at most; a megabyte unless told otherwise. */
  maxBytes?: number;
  /** What the handler answers with; without it the answer is 204, or the handler's own `Raw`. */
  response?: z.ZodType<R>;
  /** Media type of a `Raw` answer. */
  produces?: string;
  status?: 200 | 201 | 202;
  /**
   * Creation that honours `Idempotency-Key`. What it makes has to take its ids from `newId`, always in the same order, and to
   * accept what exists under them as its own work. Not for answers with a secret in them: they are stored.
   */
  idempotent?: true;
  /** PUT, PATCH and DELETE ask for `If-Match`, unless there is no version to match. */
  unconditional?: true;
}

export interface RouteCall<P extends string, Q, B> {
  app: Services;
  client: DurableClient;
  params: RouteParams<P>;
  query: Q;
  body: B;
  /** The person or key that calls; not on agent routes, nor on those for anyone. */
  caller: Caller;
  /** The agent that signed; only on agent routes. */
  agent: AgentRecord;
  ifMatch: IfMatch;
  /** Ids of what the call creates: the same ones when an idempotent creation is repeated. */
  newId: typeof newId;
}

/** Every route of the API, in order of registration. */
export const routes: AnyRoute[] = [];
export type AnyRoute = RouteDefinition<string, unknown, unknown, unknown>;

// biome-ignore lint/suspicious/noExplicitAny: what comes of it is nobody's query
const NO_QUERY: z.ZodType<any> = z.object({});
const MEGABYTE = 1_000_000;
const AGENT_BODY_BYTES = 16 * MEGABYTE;
export const BY_ENTRA = process.env.API_AUTH === "entra";
const limits = new RateLimits();

/**
 * Registers an HTTP function: checks who calls, parses what was sent, calls the handler and answers with its value as JSON, or
 * with problem details (RFC 9457) when it refuses. A handler may return a `Raw` answer, a `tagged` or a `Noted` value. What
 * answers GET answers HEAD, too.
 */
export function defineRoute<P extends string, Q = undefined, B = undefined, R = void>(
  definition: RouteDefinition<P, Q, B, R>,
  handler: (
    call: RouteCall<P, Q, B>,
  ) => Promise<NoInfer<R> | Tagged<NoInfer<R>> | Noted<NoInfer<R> | Tagged<NoInfer<R>>> | Raw>,
): void {
  const { name, method, route, role, query, body, status = 200 } = definition;
  const consumes = definition.consumes ?? ["application/json"];
  const maxBytes = definition.maxBytes ?? (isForPeople(role) ? MEGABYTE : AGENT_BODY_BYTES);
  const routeParams = paramsOf(route);
  const needsMatch = isConditional(definition);
  routes.push(definition as AnyRoute);

  const answer = async (request: HttpRequest, context: InvocationContext) => {
    const running = await services();
    const text = method === "GET" ? "" : await readText(request, maxBytes);
    const who = await identify(running, definition, request, text);
    const params = parseParams<P>(routeParams, request.params);
    const inUrl = Object.fromEntries(
      Object.entries(params as object).map(([key, value]) => [key, String(value)]),
    );
    const header = (each: string) => request.headers.get(each);
    if (needsMatch && header("if-match") === null)
      throw new LongshoreError("PRECONDITION_REQUIRED");
    if (!body && isForPeople(role)) refuseBody(text);
    // What replaces or changes something must not do so because its body was forgotten.
    if (body && ["PUT", "PATCH"].includes(method) && !definition.asText && text.trim() === "")
      throw new Invalid([{ field: "", message: "is missing; send it as JSON" }]);
    const call = {
      ...{ app: running, client: df.getClient(context), params, ...who },
      query: checked<Q>(query ?? NO_QUERY, queryOf(request), isForPeople(role)),
      body: checked(
        body,
        body && parseBody(request, text, consumes, definition.asText),
        isForPeople(role),
      ),
      ifMatch: new IfMatch(header("if-match")),
    };
    const change = async (ids: typeof newId) => {
      const result = await handler({ ...call, newId: ids });
      const { value, ids: more } = result instanceof Noted ? result : new Noted(result, {});
      const answer = respond(value, status, method === "GET" ? header("if-none-match") : null);
      const known = idsOf(inUrl, status === 201 ? route : "", value);
      return { answer, ids: more && { ...known, ...more } };
    };
    const run = async (ids: typeof newId) => {
      if (!who.caller || method === "GET") return (await change(ids)).answer;
      const { name: actor, id: actorId, role: by } = who.caller;
      const entry = { actor, actorId, role: by, action: name, ids: inUrl };
      return audited(running.audit, entry, () => change(ids));
    };
    const key = header("idempotency-key");
    if (!definition.idempotent || key === null || !who.caller) return run(newId);
    const target = JSON.stringify([new URL(request.url).pathname, queryOf(request)]);
    return idempotently(running, { caller: who.caller.id, key, target, body: text }, run);
  };

  app.http(name, {
    methods: method === "GET" ? ["GET", "HEAD"] : [method],
    route,
    authLevel: isForPeople(role) && !BY_ENTRA ? "function" : "anonymous",
    extraInputs: [df.input.durableClient()],
    handler: async (request, context) => {
      const answered = await answer(request, context).catch((error) => problem(error, context));
      return request.method === "HEAD" ? headOf(answered) : answered;
    },
  });
}

/** Whether the caller has to say which version it changes. */
export const isConditional = ({
  method,
  unconditional,
}: Pick<AnyRoute, "method" | "unconditional">) =>
  ["PUT", "PATCH", "DELETE"].includes(method) && !unconditional;

const isForPeople = (role: AnyRoute["role"]): role is Role => role !== "agent" && role !== "anyone";

/** Who calls; refused without proof, without the role, or when calling too often. */
async function identify(
  running: Services,
  { role, method }: Pick<AnyRoute, "role" | "method">,
  request: HttpRequest,
  body: string,
): Promise<{ caller: Caller; agent: AgentRecord }> {
  const { config, agents } = running;
  const url = new URL(request.url);
  const { headers } = request;
  let [caller, agent]: [Caller?, AgentRecord?] = [];
  if (role === "agent") {
    const authorization = headers.get("authorization");
    agent = await verifyAgent(agents, { authorization, method, path: url.pathname, body });
    limits.take(agent.id, config.AGENT_REQUESTS_PER_MINUTE, Date.now());
  } else if (role === "anyone") {
    // The last entry is the front end's own; what comes before it, the caller may have made up.
    const address = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
    limits.take(`address ${address}`, config.API_REQUESTS_PER_MINUTE, Date.now());
  } else {
    caller = BY_ENTRA
      ? callerOfPrincipal(headers, role)
      : callerOfKey(config.ROLE_KEYS, headers, url);
    limits.take(caller.id, config.API_REQUESTS_PER_MINUTE, Date.now());
    requireRole(caller, role);
  }
  // Each route's handler sees the one of the two that its role says.
  return { caller: caller as Caller, agent: agent as AgentRecord };
}

/** What a change was made to, for the audit trail: the ids in the URL, and the id of what was created in a collection. */
function idsOf(
  params: Record<string, string>,
  collection: string,
  value: unknown,
): Record<string, string> {
  const answer = ((value instanceof Tagged ? value.value : value) ?? {}) as Record<string, unknown>;
  const [, created] = /([\w-]+)s(?:\/\w+)?$/.exec(collection) ?? [];
  const { id } = ((created && answer[created]) || answer) as { id?: unknown };
  return { ...params, ...(created && typeof id === "string" && { [created]: id }) };
}

function respond(value: unknown, status: number, ifNoneMatch: string | null): HttpResponseInit {
  const isKept = (etag: string) => ifNoneMatch !== null && matches(ifNoneMatch, etag);
  if (value instanceof Raw) {
    const { etag } = (value.response.headers ?? {}) as { etag?: string };
    return etag && isKept(etag) ? { status: 304, headers: { etag } } : value.response;
  }
  if (value === undefined) return { status: 204 };
  if (!(value instanceof Tagged)) return { status, jsonBody: value };
  const headers = { etag: value.etag };
  if (status === 200 && value.isWhole && isKept(value.etag)) return { status: 304, headers };
  return { status, headers, jsonBody: value.value };
}
