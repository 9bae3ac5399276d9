import {
  app,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from "@azure/functions";
import type { DurableClient } from "durable-functions";
import * as df from "durable-functions";
import type { z } from "zod";
import type { Role } from "../../shared/contracts/api.ts";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { newId } from "../domain/ids.ts";
import type { AgentRecord } from "../domain/records.ts";
import { verifyAgent } from "../security/agentSignature.ts";
import { type Services, services } from "../services.ts";
import { IfMatch, matches, Raw, Tagged } from "./answers.ts";
import { Invalid, problem } from "./problems.ts";
import { paramsOf, parseParams, type RouteParams } from "./routeParams.ts";

export { Raw, tagged } from "./answers.ts";

/** The parts of the API, as its document lists them. */
export type Tag =
  | "sessions"
  | "tasks"
  | "scans"
  | "reports"
  | "agents"
  | "settings"
  | "administration"
  | "work";

export interface RouteDefinition<P extends string, Q, B, R> {
  /** Name of the function, and of the operation in the API's document. */
  name: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the app's route prefix: "v1/tasks/{task}". */
  route: P;
  /** Who may call: at least this role; an `agent` by its signature; `anyone` proves itself within the request. */
  role: Role | "agent" | "anyone";
  tag: Tag;
  summary: string;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  /** What the handler answers with; without it the answer is 204, or the handler's own `Raw`. */
  response?: z.ZodType<R>;
  /** Media type of a `Raw` answer. */
  produces?: string;
  status?: 200 | 201 | 202;
  /** Creation that honours `Idempotency-Key`. What it makes has to take its ids from `newId`. */
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
  /** The agent that signed; only on agent routes. */
  agent: AgentRecord;
  ifMatch: IfMatch;
  /** Ids of what the call creates: the same ones when an idempotent creation is repeated. */
  newId(length?: number): string;
}

/** Every route of the API, in order of registration. */
export const routes: RouteDefinition<string, unknown, unknown, unknown>[] = [];

/**
 * Registers an HTTP function: checks who calls, parses what was sent, calls the handler and answers with its value as JSON, or
 * with problem details (RFC 9457) when it refuses. A handler may return a `Raw` answer, or a `tagged` value.
 */
export function defineRoute<P extends string, Q = undefined, B = undefined, R = void>(
  definition: RouteDefinition<P, Q, B, R>,
  handler: (call: RouteCall<P, Q, B>) => Promise<NoInfer<R> | Tagged<NoInfer<R>> | Raw>,
): void {
  const { name, method, route, role } = definition;
  const params = paramsOf(route);
  const conditional = ["PUT", "PATCH", "DELETE"].includes(method) && !definition.unconditional;
  routes.push(definition as (typeof routes)[number]);

  const answer = async (request: HttpRequest, context: InvocationContext) => {
    const running = await services();
    const text = method === "GET" ? "" : await request.text();
    const agent =
      role === "agent"
        ? await verifyAgent(running.agents, {
            authorization: request.headers.get("authorization"),
            method,
            path: new URL(request.url).pathname,
            body: text,
          })
        : undefined;
    const ifMatch = request.headers.get("if-match");
    if (conditional && ifMatch === null) throw new LongshoreError("PRECONDITION_REQUIRED");
    const value = await handler({
      app: running,
      client: df.getClient(context),
      params: parseParams(params, request.params),
      query: parse(definition.query, Object.fromEntries(request.query)),
      body: parse(definition.body, definition.body && parseJson(text)),
      agent: agent as AgentRecord,
      ifMatch: new IfMatch(ifMatch),
      newId,
    });
    return respond(value, definition.status ?? 200, request.headers.get("if-none-match"));
  };

  app.http(name, {
    methods: [method],
    route,
    authLevel: role === "agent" || role === "anyone" ? "anonymous" : "function",
    extraInputs: [df.input.durableClient()],
    handler: (request, context) =>
      answer(request, context).catch((error: unknown) => problem(error, context)),
  });
}

function respond(value: unknown, status: number, ifNoneMatch: string | null): HttpResponseInit {
  if (value instanceof Raw) return value.response;
  if (value === undefined) return { status: 204 };
  if (!(value instanceof Tagged)) return { status, jsonBody: value };
  const headers = { etag: value.etag };
  if (status === 200 && ifNoneMatch !== null && matches(ifNoneMatch, value.etag))
    return { status: 304, headers };
  return { status, headers, jsonBody: value.value };
}

function parseJson(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new LongshoreError("BAD_REQUEST", `the body is not JSON: ${(error as Error).message}`);
  }
}

function parse<T>(schema: z.ZodType<T> | undefined, value: unknown): T {
  if (!schema) return undefined as T;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw Invalid.of(parsed.error);
}
