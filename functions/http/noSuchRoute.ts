import { app, type HttpMethod } from "@azure/functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import { nearest } from "../domain/fields/nearest.ts";
import { problem } from "./routing/problems.ts";
import { BY_ENTRA, routes } from "./routing/route.ts";

const METHODS: HttpMethod[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/*
 * What no route takes. A route that takes everything comes last whatever the order of registration (the host sorts by
 * ASP.NET's precedence of templates); without it the host would answer 404 with nothing, also to a wrong method.
 */
app.http("noSuchRoute", {
  methods: METHODS,
  route: "{*path}",
  authLevel: BY_ENTRA ? "anonymous" : "function",
  handler: async (request, context) => {
    const path = request.params.path ?? "";
    const known = methodsOf(path);
    const allow = known.join(", ");
    if (known.length === 0)
      return problem(
        new LongshoreError(
          "NOT_FOUND",
          `there is no route /api/${path.slice(0, 200)} (GET /api/v1/openapi.json lists all of them)${meant(path)}`,
        ),
        context,
      );
    if (request.method === "OPTIONS")
      return { status: 204, headers: { allow: [...known, "OPTIONS"].sort().join(", ") } };
    const refusal = problem(
      new LongshoreError(
        "METHOD_NOT_ALLOWED",
        `${request.method} is not one of the methods of this route: ${allow}`,
      ),
      context,
    );
    return { ...refusal, headers: { ...refusal.headers, allow } };
  },
});

/** A route with as many steps, those that are fixed nearly the same. */
function meant(path: string): string {
  const steps = path.toLowerCase().split("/");
  const found = routes.find(({ route }) => {
    const own = route.split("/");
    const isNear = (step: string, at: number) =>
      step.startsWith("{") || nearest(steps[at] ?? "", [step]) !== undefined;
    return own.length === steps.length && own.every(isNear);
  });
  return found ? `; do you mean /api/${found.route.replaceAll(":int}", "}")}?` : "";
}

/** The methods by which routes take a path, in order; none when there is no such route. */
function methodsOf(path: string): string[] {
  const fitting = routes.filter(({ route }) => patternOf(route).test(path));
  const methods = new Set<string>(fitting.map(({ method }) => method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods].sort();
}

const patternOf = (route: string): RegExp => {
  const pattern = route
    .split(/(\{[^}]+\})/)
    .map((part) =>
      part.endsWith(":int}")
        ? "\\d{1,9}"
        : part.startsWith("{")
          ? "[^/]+"
          : part.replace(/[.]/g, "\\."),
    )
    .join("");
  return new RegExp(`^${pattern}/?$`, "i");
};
