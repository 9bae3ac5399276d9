/**
 * ASP.NET Core route templates, which the Functions host uses for HTTP triggers:
 * literals, `{p}`, `{p?}`, `{p=default}`, `{p:constraint}`, `a{p}b`, `{*rest}`.
 */

export interface RouteTemplate {
  /** Sort key: the route with the smallest one wins. */
  precedence: string;
  /** The parameters of a path (without leading slash), or undefined if it does not match. */
  match(path: string): Record<string, string> | undefined;
}

type Test = (value: string) => boolean;

interface Parameter {
  name: string;
  optional: boolean;
  catchAll: boolean;
  fallback: string | undefined;
  tests: Test[];
}

interface Segment {
  pattern: RegExp;
  parameters: Parameter[];
}

const GUID = /^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;

/** Constraint name -> test; the argument is the text between the parentheses. */
const CONSTRAINTS: Record<string, (argument: string) => Test> = {
  int: () => (v) => /^-?\d{1,10}$/.test(v) && Math.abs(Number(v)) <= 2 ** 31,
  long: () => (v) => /^-?\d{1,19}$/.test(v),
  decimal: () => (v) => /^-?\d*\.?\d+$/.test(v),
  double: () => (v) => /^-?\d*\.?\d+(e[+-]?\d+)?$/i.test(v),
  float: () => (v) => /^-?\d*\.?\d+(e[+-]?\d+)?$/i.test(v),
  bool: () => (v) => /^(true|false)$/i.test(v),
  guid: () => (v) => GUID.test(v),
  alpha: () => (v) => /^[a-z]*$/i.test(v),
  datetime: () => (v) => !Number.isNaN(Date.parse(v)),
  required: () => (v) => v !== "",
  length: (a) => {
    const [min, max] = numbers(a);
    return (v) => v.length >= (min ?? 0) && v.length <= (max ?? min ?? 0);
  },
  minlength: (a) => (v) => v.length >= Number(a),
  maxlength: (a) => (v) => v.length <= Number(a),
  min: (a) => (v) => Number(v) >= Number(a),
  max: (a) => (v) => Number(v) <= Number(a),
  range: (a) => {
    const [min = -Infinity, max = Infinity] = numbers(a);
    return (v) => Number(v) >= min && Number(v) <= max;
  },
  regex: (a) => {
    const pattern = new RegExp(a.replaceAll("{{", "{").replaceAll("}}", "}"), "i");
    return (v) => pattern.test(v);
  },
};

const numbers = (text: string): number[] => text.split(",").map(Number);

/** Compiles a template; throws on an unknown constraint. */
export function parseRouteTemplate(template: string): RouteTemplate {
  const segments = template.split("/").filter(Boolean).map(parseSegment);
  return {
    precedence: segments.map(({ rank }) => rank).join(""),
    match: (path) => matchSegments(segments, path),
  };
}

function matchSegments(segments: Segment[], path: string): Record<string, string> | undefined {
  const parts = path.split("/");
  if (parts.at(-1) === "") parts.pop();
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const [first] = segment.parameters;
    const text = first?.catchAll ? parts.splice(index).join("/") : parts[index];
    if (text === undefined || text === "") {
      if (!first || segment.parameters.length > 1) return undefined;
      if (!(first.optional || first.catchAll)) return undefined;
      if (first.fallback !== undefined) params[first.name] = first.fallback;
      continue;
    }
    const match = segment.pattern.exec(text);
    if (!match) return undefined;
    for (const [at, { name, tests }] of segment.parameters.entries()) {
      const value = match[at + 1] ?? "";
      if (!tests.every((test) => test(value))) return undefined;
      params[name] = value;
    }
  }
  return parts.length > segments.length ? undefined : params;
}

function parseSegment(text: string): Segment & { rank: number } {
  const parameters: Parameter[] = [];
  let pattern = "";
  let literal = "";
  for (const token of tokenize(text)) {
    if (token.literal !== undefined) {
      literal += token.literal;
      pattern += token.literal.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      continue;
    }
    const parameter = parseParameter(token.parameter);
    parameters.push(parameter);
    pattern += parameter.catchAll ? "(.*)" : "([^/]+?)";
  }
  return { pattern: new RegExp(`^${pattern}$`, "i"), parameters, rank: rank(parameters, literal) };
}

/** ASP.NET's inbound precedence: literal, constrained, plain parameter, catch-all. */
function rank(parameters: Parameter[], literal: string): number {
  const [first] = parameters;
  if (!first) return 1;
  if (first.catchAll) return first.tests.length > 0 ? 4 : 5;
  return first.tests.length > 0 || literal !== "" ? 2 : 3;
}

type Token = { literal: string; parameter?: never } | { literal?: never; parameter: string };

/** Splits a segment at its braces; `{{` and `}}` inside a regex constraint do not close a parameter. */
function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\{((?:[^{}]|\{\{|\}\})+)\}/g;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) tokens.push({ literal: text.slice(end, match.index) });
    tokens.push({ parameter: match[1] ?? "" });
    end = match.index + match[0].length;
  }
  if (end < text.length) tokens.push({ literal: text.slice(end) });
  return tokens;
}

function parseParameter(text: string): Parameter {
  const catchAll = text.startsWith("*");
  let body = text.replace(/^\*+/, "");
  let fallback: string | undefined;
  const equals = /^([^:(]*(?::[^=]*)?)=(.*)$/.exec(body);
  if (equals) [, body = "", fallback] = equals;
  const optional = body.endsWith("?") || fallback !== undefined;
  const [name = "", ...constraints] = splitConstraints(body.replace(/\?$/, ""));
  return { name, optional, catchAll, fallback, tests: constraints.map(parseConstraint) };
}

/** Splits at colons that are not inside parentheses. */
function splitConstraints(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const char of text) {
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (char === ":" && depth === 0) parts.push("");
    else parts.push(`${parts.pop()}${char}`);
  }
  return parts;
}

function parseConstraint(text: string): Test {
  const [, name = "", argument = ""] = /^([^(]+)(?:\((.*)\))?$/.exec(text) ?? [];
  const make = CONSTRAINTS[name.toLowerCase()];
  if (!make) throw new Error(`unknown route constraint "${text}"`);
  return make(argument);
}
