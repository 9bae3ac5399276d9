import {
  app,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from "@azure/functions";
import type { DurableClient } from "durable-functions";
import * as df from "durable-functions";
import type { z } from "zod";
import { type ErrorCode, errorDefinition, LongshoreError } from "../../shared/contracts/errors.ts";
import type { Problem } from "../../shared/contracts/tasks.ts";
import type { AgentRecord } from "../domain/records.ts";
import { verifyAgent } from "../security/agentSignature.ts";
import { redacted } from "../security/redacted.ts";
import { type Services, services } from "../services.ts";

interface RouteDefinition<B> {
  method: "GET" | "POST" | "DELETE";
  /** Below the app's route prefix: "v1/tasks/{task}". */
  route: string;
  /** `administrator` needs a function key, `agent` a signature; `anyone` proves itself within the request. */
  caller: "administrator" | "agent" | "anyone";
  body?: z.ZodType<B>;
  status?: number;
}

export interface RouteCall<B> {
  app: Services;
  client: DurableClient;
  params: Record<string, string>;
  body: B;
  /** The agent that signed; only on agent routes. */
  agent: AgentRecord;
}

/**
 * Registers an HTTP function: checks who calls, parses the body, calls the handler and answers with its value as JSON, or
 * with problem details (RFC 9457) when it refuses. A handler may return a ready response instead.
 */
export function defineRoute<B = undefined>(
  name: string,
  definition: RouteDefinition<B>,
  handler: (call: RouteCall<B>) => Promise<unknown>,
): void {
  const { method, route, caller, status = 200 } = definition;
  const handle = async (
    request: HttpRequest,
    context: InvocationContext,
  ): Promise<HttpResponseInit> => {
    try {
      const running = await services();
      const text = method === "GET" ? "" : await request.text();
      const agent =
        caller === "agent"
          ? await verifyAgent(running.agents, {
              authorization: request.headers.get("authorization"),
              method,
              path: new URL(request.url).pathname,
              body: text,
            })
          : undefined;
      const value = await handler({
        app: running,
        client: df.getClient(context),
        params: request.params,
        body: parseBody(definition.body, text),
        agent: agent as AgentRecord,
      });
      if (value instanceof Raw) return value.response;
      return value === undefined ? { status: 204 } : { status, jsonBody: value };
    } catch (error) {
      return problem(error, context);
    }
  };
  app.http(name, {
    methods: [method],
    route,
    authLevel: caller === "administrator" ? "function" : "anonymous",
    extraInputs: [df.input.durableClient()],
    handler: handle,
  });
}

/** An answer that is no JSON. */
export class Raw {
  readonly response: HttpResponseInit;

  constructor(response: HttpResponseInit) {
    this.response = response;
  }
}

function parseBody<B>(schema: z.ZodType<B> | undefined, text: string): B {
  if (!schema) return undefined as B;
  let json: unknown;
  try {
    json = text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new LongshoreError("BAD_REQUEST", `the body is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InvalidBody(parsed.error);
}

/** The body does not fit. A ZodError from anywhere else is our own defect. */
class InvalidBody extends Error {
  readonly errors: { field: string; message: string }[];

  constructor({ issues }: z.ZodError) {
    super("some fields are not valid");
    this.errors = issues.map(({ path, message }) => ({ field: path.join("."), message }));
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  ENROLMENT_REFUSED: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  DUPLICATE_TASK: 409,
  STALE_LEASE: 409,
  KEY_UNAVAILABLE: 503,
  DESTINATION_UNREACHABLE: 503,
};

function problem(error: unknown, context: InvocationContext): HttpResponseInit {
  const invalid = error instanceof InvalidBody ? error : undefined;
  const known = error instanceof LongshoreError ? error : undefined;
  const code: ErrorCode = invalid ? "BAD_REQUEST" : (known?.code ?? "INTERNAL");
  const status = STATUS[code] ?? 500;
  const { cause, remedy } = errorDefinition(code);
  if (status >= 500)
    context.error(
      JSON.stringify({
        event: "request-failed",
        code,
        message: redacted(String((error as Error)?.stack)),
      }),
    );
  const body: Problem = {
    type: `urn:longshore:error:${code}`,
    title: cause,
    status,
    code,
    detail: invalid?.message ?? redacted(known?.message ?? "see the app's log"),
    remedy,
    ...(invalid && { errors: invalid.errors }),
  };
  return {
    status,
    jsonBody: body,
    headers: { "content-type": "application/problem+json" },
  };
}
