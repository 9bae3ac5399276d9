import type { z } from "zod";
import { suggestion } from "./nearest.ts";

type Issue = z.core.$ZodRawIssue;

/**
 * What zod says of a value in its own words ("Invalid input: expected array, received string"), in those of people; given to
 * `safeParse` as `error`. What a schema says itself goes before it.
 */
export function fieldMessage(issue: Issue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return wrongType(String(issue.expected), issue.input);
    case "invalid_value":
      return oneOf(issue.values, issue.input);
    case "too_small":
      return issue.minimum === 1 && issue.origin === "string"
        ? "is empty"
        : `must ${amount(issue.origin, "at least", issue.minimum)}`;
    case "too_big":
      return `must ${amount(issue.origin, "at most", issue.maximum)}`;
    case "invalid_format":
      return FORMATS[issue.format];
    default:
      return undefined;
  }
}

const FORMATS: Record<string, string> = {
  datetime: 'must be an instant with its zone, like "2026-01-31T22:00:00Z"',
  date: 'must be a day, like "2026-01-31"',
};

const KINDS: Record<string, string> = {
  string: "a text",
  number: "a number",
  nan: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list, like [ … ]",
  object: "an object, like { … }",
  record: "an object, like { … }",
};

function wrongType(expected: string, input: unknown): string {
  if (input === undefined) return "is missing";
  const wanted = KINDS[expected] ?? expected;
  const given = kindOf(input);
  return given === undefined || given === wanted.split(",")[0]
    ? `must be ${wanted}`
    : `must be ${wanted}, not ${given}`;
}

function kindOf(input: unknown): string | undefined {
  if (input === null) return "null";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "number" && !Number.isInteger(input)) return undefined;
  const kinds: Record<string, string> = {
    ...{ string: "a text", number: "a number", boolean: "true or false", object: "an object" },
  };
  return kinds[typeof input];
}

function oneOf(values: readonly unknown[], input: unknown): string {
  if (input === undefined) return "is missing";
  if (values.length === 1) return `must be ${JSON.stringify(values[0])}`;
  const meant = typeof input === "string" ? suggestion(input, values.map(String)) : "";
  return `must be one of ${values.join(", ")}${meant}`;
}

function amount(origin: string, bound: string, limit: number | bigint): string {
  if (origin === "string") return `have ${bound} ${counted(limit, "character", "characters")}`;
  if (origin === "array") return `have ${bound} ${counted(limit, "entry", "entries")}`;
  return `be ${bound} ${limit}`;
}

const counted = (n: number | bigint, one: string, more: string) =>
  `${n} ${Number(n) === 1 ? one : more}`;
