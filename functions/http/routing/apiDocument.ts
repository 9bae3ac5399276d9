import { AGENT_AUTH_SCHEME } from "../../../shared/contracts/agents.ts";
import { problemSchema } from "../../../shared/contracts/api.ts";
import { jsonSchemas } from "./jsonSchemas.ts";
import { type AnyRoute, isConditional, TAGS } from "./route.ts";
import { PARAM_PATTERNS, paramsOf } from "./routeParams.ts";

type Json = Record<string, unknown>;
type Side = "input" | "output";

const json = (schema: unknown) => ({ "application/json": { schema } });
const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const response = (name: string) => ({ $ref: `#/components/responses/${name}` });

/** The OpenAPI 3.1 document of all routes: what the code checks is what the document says, both come from one definition. */
export function apiDocument(routes: readonly AnyRoute[]): Json {
  const schemas = jsonSchemas([
    ...routes.flatMap(({ query, body }) =>
      [query, body].map((schema) => ({ schema, side: "input" as Side })),
    ),
    ...routes.map(({ response: schema }) => ({ schema, side: "output" as Side })),
    { schema: problemSchema, side: "output" },
  ]);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `/${route.route.replaceAll(":int}", "}")}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) };
  }
  const problemOf = (description: string, headers?: Json) => ({
    description,
    ...(headers && { headers }),
    content: { "application/problem+json": { schema: schemas.schemaOf(problemSchema, "output") } },
  });
  return {
    openapi: "3.1.1",
    info: {
      title: "Longshore",
      version: "1.0.0",
      summary: "Migration of network file shares to SharePoint Online and OneDrive",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/api" }],
    tags: TAGS.map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.componentsFor(
        JSON.stringify([paths, schemas.schemaOf(problemSchema, "output")]),
      ),
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: {
        Problem: problemOf(
          "The request was refused or failed; the code says why, the remedy what to do.",
        ),
        RateLimited: problemOf("Too many requests of this caller.", {
          "Retry-After": { $ref: "#/components/headers/RetryAfter" },
        }),
      },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

type Schemas = ReturnType<typeof jsonSchemas>;

function operation(route: AnyRoute, schemas: Schemas): Json {
  const { name, tag, summary, role, body } = route;
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(role !== "agent" &&
      role !== "anyone" && { description: `Needs the role ${role}.`, "x-role": role }),
    security:
      role === "anyone"
        ? []
        : role === "agent"
          ? [{ agentSignature: [] }]
          : [{ functionKey: [] }, { entra: [] }],
    parameters: parametersOf(route, schemas),
    ...(body && { requestBody: requestBodyOf(route, schemas.schemaOf(body, "input")) }),
    responses: responsesOf(route, schemas),
  };
}

function parametersOf(route: AnyRoute, { shapeOf }: Schemas): unknown[] {
  const inPath = paramsOf(route.route).map(({ name, isNumber }) => ({
    name,
    in: "path",
    required: true,
    schema: isNumber
      ? { type: "integer", minimum: 0, maximum: 999_999_999 }
      : { type: "string", pattern: `^(?:${PARAM_PATTERNS[name] ?? PARAM_PATTERNS.session})$` },
  }));
  const query = (route.query ? shapeOf(route.query) : {}) as {
    properties?: Json;
    required?: string[];
  };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: query.required?.includes(name) ?? false,
    schema,
  }));
  return [
    ...inPath,
    ...inQuery,
    ...(route.idempotent ? [parameter("IdempotencyKey")] : []),
    ...(isConditional(route) ? [parameter("IfMatch")] : []),
  ];
}

function requestBodyOf({ consumes = ["application/json"] }: AnyRoute, schema: unknown): Json {
  const content = consumes.map((type) => [
    type,
    { schema: type === "application/json" ? schema : { type: "string" } },
  ]);
  return { required: true, content: Object.fromEntries(content) };
}

function responsesOf(route: AnyRoute, { schemaOf }: Schemas): Json {
  const { role, status = 200, produces, query, body, idempotent } = route;
  const headers = { ETag: { $ref: "#/components/headers/ETag" } };
  const success = route.response
    ? {
        [status]: {
          description: "Done.",
          headers,
          content: json(schemaOf(route.response, "output")),
        },
      }
    : produces
      ? { [status]: { description: "Done.", content: { [produces]: { schema: {} } } } }
      : { 204: { description: "Done; there is nothing to say." } };
  const refusals = [
    ...(query || body ? [400] : []),
    ...(role === "anyone" ? [] : [401]),
    ...(role === "agent" ? [] : [403]),
    ...(route.route.includes("{") ? [404] : []),
    ...(isConditional(route) ? [412, 428] : []),
    ...(body ? [413, 415] : []),
    ...(idempotent ? [422] : []),
  ];
  return {
    ...success,
    ...Object.fromEntries(refusals.map((code) => [code, response("Problem")])),
    429: response("RateLimited"),
    default: response("Problem"),
  };
}

const PARAMETERS = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "A new key for every new request; repeated with the same body within a day, it gets the same answer.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[!-~]+$" },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    required: true,
    description: "The ETag of what is changed as it was read, or * for whatever is there.",
    schema: { type: "string", minLength: 1 },
  },
};

const HEADERS = {
  ETag: {
    description: "Version of a single resource that can be changed; absent from lists and actions.",
    schema: { type: "string" },
  },
  RetryAfter: { description: "Seconds.", schema: { type: "integer", minimum: 1 } },
};

const SECURITY_SCHEMES = {
  functionKey: {
    type: "apiKey",
    in: "header",
    name: "x-functions-key",
    description: "A function key; ROLE_KEYS says which is a reader's or an operator's.",
  },
  entra: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "Entra ID, with the app role Longshore.Reader, Longshore.Operator or Longshore.Administrator.",
  },
  agentSignature: {
    type: "http",
    scheme: AGENT_AUTH_SCHEME,
    description: "An agent's signature of method, path and body: a JWT that is good for a minute.",
  },
};
