import { describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { unknownFields } from "./unknownFields.ts";

const inner = z.object({ a: z.number().optional() });
const schema = z.object({
  inner: inner.optional(),
  list: z.array(inner).default([]),
  named: z.record(z.string(), inner).optional(),
  either: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("x"), x: z.number() }),
      z.object({ kind: z.literal("y"), y: inner.nullable() }),
    ])
    .optional(),
  text: z
    .string()
    .transform((text) => text.length)
    .optional(),
  piped: z.preprocess((value) => value, inner).optional(),
  refined: inner.superRefine(() => {}).optional(),
  free: z.unknown().optional(),
  open: z.looseObject({ a: z.number() }).optional(),
});

describe("fields that a schema does not have", () => {
  it.each([
    [{}, []],
    [{ inner: { a: 1 }, list: [{ a: 1 }], named: { any: { a: 1 } } }, []],
    [{ x: 1, inner: { b: 1 } }, ["x", "inner.b"]],
    [{ list: [{}, { b: 1 }] }, ["list.1.b"]],
    [{ named: { any: { b: 1 } } }, ["named.any.b"]],
    [{ either: { kind: "x", x: 1, y: null } }, ["either.y"]],
    [{ either: { kind: "y", y: { b: 1 } } }, ["either.y.b"]],
    [{ text: "a", free: { b: 1 }, open: { a: 1, b: 1 } }, []],
    [{ piped: { b: 1 }, refined: { b: 1 } }, ["piped.b", "refined.b"]],
    [JSON.parse('{"__proto__": 1, "constructor": 1}'), ["__proto__", "constructor"]],
    // Of the wrong type: the schema itself says so.
    [{ inner: [1], list: { a: 1 }, named: 1 }, []],
    [null, []],
    ["text", []],
  ])("of %j are %j", (value, fields) => {
    expect(unknownFields(schema, value)).toEqual(fields);
  });
});
