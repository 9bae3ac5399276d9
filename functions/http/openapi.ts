import { z } from "zod";
import { apiDocument } from "./routing/apiDocument.ts";
import { defineRoute, routes } from "./routing/route.ts";

let document: Record<string, unknown> | undefined;

defineRoute(
  {
    name: "getOpenApi",
    method: "GET",
    route: "v1/openapi.json",
    role: "reader",
    tag: "administration",
    summary: "This document: every route with what it takes and answers, in OpenAPI 3.1",
    response: z.record(z.string(), z.unknown()),
  },
  async () => {
    document ??= apiDocument(routes);
    return document;
  },
);
