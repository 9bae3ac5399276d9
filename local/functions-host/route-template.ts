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
  catchAll: boolean;
  /** May be missing at the end of the path. */
  optional: boolean;
  fallback: string | undefined;
  tests: Test[];
}

const numbers = (text: string): number[] => text.split(",").map(Number);
const matches = (pattern: RegExp) => (): Test => (value) => pattern.test(value);
const isDouble = matches(/^-?\d*\.?\d+(e[+-]?\d+)?$/i);

/** Constraint name -> test; the argument is the text between the parentheses. */
const CONSTRAINTS: Record<string, (argument: string) => Test> = {
  int: () => (v) => /^-?\d{1,10}$/.test(v) && Math.abs(Number(v)) <= 2 ** 31,
  long: matches(/^-?\d{1,19}$/),
  decimal: isDouble,
  double: isDouble,
  float: isDouble,
  bool: matches(/^(true|false)$/i),
  guid: matches(/^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i),
  alpha: matches(/^[a-z]*$/i),
  datetime: () => (v) => !Number.isNaN(Date.parse(v)),
  required: () => (v) => v !== "",
  length: (a) => {
    const [min = 0, max = min] = numbers(a);
    return (v) => v.length >= min && v.length <= max;
  },
  minlength: (a) => (v) => v.length >= Number(a),
  maxlength: (a) => (v) => v.length <= Number(a),
  min: (a) => (v) => Number(v) >= Number(a),
  max: (a) => (v) => Number(v) <= Number(a),
  range: (a) => {
    const [min = -Infinity, max = Infinity] = numbers(a);
    return (v) => Number(v) >= min && Number(v) <= max;
  },
  regex: (a) => matches(new RegExp(a.replaceAll("{{", "{").replaceAll("}}", "}"), "i"))(),
};

/** In a regex constraint, `{{` and `}}` stand for single braces and do not end the parameter. */
const PARAMETER = /\{((?:[^{}]|\{\{|\}\})+)\}/g;

/** Compiles a template; throws on an unknown constraint. */
export function parseRouteTemplate(template: string): RouteTemplate {
  const parameters: Parameter[] = [];
  let pattern = "";
  let precedence = "";
  for (const segment of template.split("/").filter(Boolean)) {
    const own = [...segment.matchAll(PARAMETER)].map(([, text = ""]) => parseParameter(text));
    const literals = segment.split(PARAMETER).filter((_, index) => index % 2 === 0);
    const [first] = own;
    const body = literals
      .map((text, index) => literally(text) + (own[index] ? capture(own[index]) : ""))
      .join("");
    const mayEnd = own.length === 1 && (first?.optional || first?.catchAll);
    // Every segment but the first begins with a slash; what may be missing takes its slash along.
    const slash = pattern === "" ? "" : "/";
    pattern += mayEnd ? `(?:${slash}${body})?` : slash + body;
    precedence += rank(first, literals.join(""));
    parameters.push(...own);
  }
  const whole = new RegExp(`^${pattern}/?$`, "i");
  return { precedence, match: (path) => readValues(parameters, whole.exec(path)) };
}

function readValues(parameters: Parameter[], match: RegExpExecArray | null) {
  if (!match) return undefined;
  const values: Record<string, string> = {};
  for (const [index, { name, fallback, tests }] of parameters.entries()) {
    const value = match[index + 1];
    if (value && !tests.every((test) => test(value))) return undefined;
    const known = value || fallback;
    if (known !== undefined) values[name] = known;
  }
  return values;
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const capture = ({ catchAll }: Parameter): string => (catchAll ? "(.*)" : "([^/]+?)");

/** ASP.NET's inbound precedence: literal, constrained, plain parameter, catch-all. */
function rank(first: Parameter | undefined, literal: string): number {
  if (!first) return 1;
  if (first.catchAll) return first.tests.length > 0 ? 4 : 5;
  return first.tests.length > 0 || literal !== "" ? 2 : 3;
}

function parseParameter(text: string): Parameter {
  const [, stars, name = "", constraints = "", question, fallback] =
    /^(\**)([^:?=]+)((?::[^(:?=]+(?:\(.*?\)(?=[:?=]|$))?)*)(\?)?(?:=(.*))?$/.exec(text) ?? [];
  if (name === "") throw new Error(`bad route parameter "{${text}}"`);
  const tests = [...constraints.matchAll(/:([^(:]+)(?:\((.*?)\)(?=:|$))?/g)].map(
    ([, constraint = "", argument = ""]) => {
      const make = CONSTRAINTS[constraint.toLowerCase()];
      if (!make) throw new Error(`unknown route constraint "${constraint}"`);
      return make(argument);
    },
  );
  const optional = question !== undefined || fallback !== undefined;
  return { name, catchAll: stars !== "", optional, fallback, tests };
}
