import fc from "fast-check";

// biome-ignore lint/suspicious/noExplicitAny: JSON Schemas as zod writes them
type Schema = any;

/** Texts that have broken programs before. */
const NASTY = [
  ...["", " ", "\0", "\u2028", "\ud800", "\udfff\ud800", "\ufeff", "\u202e", "e\u0301", "💩", "ﷺ"],
  ...[
    "../../../etc/passwd",
    "..\\..\\windows",
    "%00",
    "%2e%2e%2f",
    "/",
    "//",
    "\\\\?\\C:\\",
    "a/b",
  ],
  ...["' or 1 eq 1 or '", "'; drop table x--", "$filter", "__proto__", "constructor", "#{7*7}"],
  ...["<script>", "=cmd|' /C calc'!A0", "null", "undefined", "NaN", "-0", "1e309", "0x10", "*"],
  ...[
    "http://169.254.169.254/",
    "file:///etc/passwd",
    "javascript:1",
    "\r\nx: y",
    "a".repeat(5_000),
  ],
  ...["é".repeat(4_000), "💩".repeat(2_000), "(a+)+$", "2026-02-30T25:61:61Z", "{}", "[]"],
];
const nastyText = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: "binary", maxLength: 300 }),
);

const deep = (depth: number): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < depth; n++) value = n % 2 ? [value] : { a: value };
  return value;
};

/** Any JSON at all. */
export const anyJson = fc.oneof(
  nastyText,
  fc.constantFrom(null, true, false, 0, -1, 1.5, 2 ** 53, -(2 ** 31) - 1, 1e308, 5e-324, [], {}),
  fc.constantFrom(deep(50), deep(2_000), Array(2_000).fill(null), [[]], [{}]),
  fc.jsonValue({ maxDepth: 3 }),
);

/**
 * Values that fit a JSON Schema, as far as a schema says it. `hints` are texts that further rules of the app are known to
 * accept, by the name of the field.
 */
export function fitting(
  schema: Schema,
  hints: Record<string, readonly unknown[]>,
  root: Schema = schema,
  name = "",
): fc.Arbitrary<unknown> {
  const each = (child: Schema, field = name) => fitting(child, hints, root, field);
  if (schema.$ref) return each(root.$defs[schema.$ref.split("/").at(-1)]);
  const hint = hints[name];
  if (hint) return fc.oneof({ arbitrary: fc.constantFrom(...hint), weight: 8 }, nastyText);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return fc.oneof(...options.map((option: Schema) => each(option)));
  if (schema.allOf) return each(Object.assign({}, ...schema.allOf));
  switch (schema.type) {
    case "object":
      return objects(schema, each);
    case "array": {
      const { items = {}, prefixItems, minItems = 0, maxItems = 20 } = schema;
      if (prefixItems) return fc.tuple(...prefixItems.map((item: Schema) => each(item)));
      return fc.array(each(items), {
        minLength: minItems,
        maxLength: Math.min(maxItems, minItems + 4),
      });
    }
    case "integer":
    case "number":
      return numbers(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "string":
      return texts(schema);
    default:
      return anyJson;
  }
}

function objects(schema: Schema, each: (child: Schema, field?: string) => fc.Arbitrary<unknown>) {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema;
  const fields = Object.entries(properties).map(([key, child]) => [key, each(child, key)] as const);
  const known = fc.record(Object.fromEntries(fields), { requiredKeys: required as never[] });
  if (fields.length > 0 || typeof additionalProperties !== "object") return known;
  const keys = propertyNames ? each(propertyNames) : fc.string();
  return fc.dictionary(keys.map(String), each(additionalProperties), { maxKeys: 4 });
}

function numbers({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema) {
  const limits = {
    min: minimum ?? exclusiveMinimum ?? -(2 ** 40),
    max: maximum ?? exclusiveMaximum ?? 2 ** 40,
  };
  const edges = fc.constantFrom(limits.min, limits.max);
  return fc.oneof(
    edges,
    type === "integer" ? fc.integer(limits) : fc.double({ ...limits, noNaN: true }),
  );
}

function texts({ format, pattern, minLength = 0, maxLength = 300 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time")
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString());
  if (pattern !== undefined) {
    try {
      return fc.stringMatching(new RegExp(pattern));
    } catch {
      // It knows no look-around; such a text is then made without regard to its pattern.
    }
  }
  const limits = { minLength, maxLength: Math.min(maxLength, minLength + 300) };
  const plain = fc.string({ ...limits, unit: "grapheme-ascii" });
  const odd = fc.string({ ...limits, unit: "binary" });
  const nasty = nastyText.filter((text) => text.length >= minLength && text.length <= maxLength);
  return fc.oneof({ arbitrary: plain, weight: 4 }, odd, nasty);
}

/** The same value with one thing wrong with it, somewhere. */
export function broken(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(values, fc.nat(), fc.constantFrom("drop", "add", "replace", "whole"), anyJson, nastyText)
    .map(([value, where, how, other, key]) => {
      const copy = structuredClone(value);
      const spots = [...spotsIn(copy)];
      const spot = spots[where % Math.max(1, spots.length)];
      if (!spot || how === "whole") return other;
      const { holder, field } = spot;
      if (how === "drop" && !Array.isArray(holder)) delete holder[field];
      else if (how === "add" && !Array.isArray(holder)) holder[`${key}x`] = other;
      else holder[field] = other;
      return copy;
    });
}

// biome-ignore lint/suspicious/noExplicitAny: places in values of any shape
function* spotsIn(value: any): Generator<{ holder: any; field: string }> {
  if (typeof value !== "object" || value === null) return;
  for (const field of Object.keys(value)) {
    yield { holder: value, field };
    yield* spotsIn(value[field]);
  }
}

/** One segment of a path, encoded; most are none of ours. */
export const pathSegment = (known: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    ...(known.length > 0 ? [{ arbitrary: fc.constantFrom(...known), weight: 6 }] : []),
    fc.stringMatching(/^[0-9a-z]{4,12}(-[0-9a-z]{4,12})?$/),
    fc.constantFrom("0", "1", "-1", "999999999", "2147483648", "1e3", "..", ".", "~"),
    nastyText.map((text) => encodeURIComponent(text.toWellFormed())),
  );
