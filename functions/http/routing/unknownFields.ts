import { z } from "zod";

// zod 4's own description of a schema (`schema.def`); what is read of it here is what toJSONSchema reads, too.
interface Def {
  type: string;
  shape?: Record<string, Schema>;
  catchall?: Schema;
  innerType?: Schema;
  in?: Schema;
  out?: Schema;
  element?: Schema;
  valueType?: Schema;
  options?: Schema[];
  getter?: () => Schema;
}
type Schema = z.core.$ZodType;
const defOf = (schema: Schema) => schema._zod.def as unknown as Def;

/** A field that a schema does not have. */
export interface UnknownField {
  /** Its path, with "." between the steps. */
  field: string;
  name: string;
  /** The fields that the schema has in that place. */
  known: string[];
}

/** The paths of all fields of a value that its schema does not have. */
export const unknownFields = (schema: Schema, value: unknown): string[] =>
  findUnknown(schema, value).map(({ field }) => field);

/**
 * All fields of a value that its schema does not have. zod drops them silently; a typo in a field must not be. Strict members
 * of a union are left to zod, which knows the one that was meant.
 */
export function findUnknown(
  schema: Schema,
  value: unknown,
  path = "",
  inUnion = false,
): UnknownField[] {
  const def = defOf(schema);
  const inner = def.innerType ?? entrance(def) ?? def.getter?.();
  if (inner) return findUnknown(inner, value, path, inUnion);
  if (Array.isArray(value))
    return def.element
      ? value.flatMap((each, at) => findUnknown(def.element as Schema, each, join(path, at)))
      : [];
  if (typeof value !== "object" || value === null) return [];
  const fields = Object.entries(value);
  const { shape, valueType } = def;
  if (def.options) return leastOf(def.options.map((option) => unknownOf(option, value, path)));
  if (valueType)
    return fields.flatMap(([key, each]) => findUnknown(valueType, each, join(path, key)));
  if (!shape || (def.catchall && (inUnion || !isStrict(def.catchall)))) return [];
  return fields.flatMap(([key, each]) =>
    Object.hasOwn(shape, key)
      ? findUnknown(shape[key] as Schema, each, join(path, key))
      : [{ field: join(path, key), name: key, known: Object.keys(shape) }],
  );
}

const isStrict = (catchall: Schema) => defOf(catchall).type === "never";

/** Where a pipe takes its input; a preprocessing function has no fields, what comes after it has. */
const entrance = (def: Def) => (def.in && defOf(def.in).type === "transform" ? def.out : def.in);

/** Of a union the member counts that the value fits; if it fits none, the one with the fewest unknown fields. */
function unknownOf(option: Schema, value: unknown, path: string) {
  return {
    fits: z.core.safeParse(option, value).success,
    fields: findUnknown(option, value, path, true),
  };
}
function leastOf(options: ReturnType<typeof unknownOf>[]): UnknownField[] {
  const fitting = options.filter(({ fits }) => fits);
  const fields = (fitting.length > 0 ? fitting : options).map((option) => option.fields);
  return fields.reduce((least, each) => (each.length < least.length ? each : least));
}

const join = (path: string, key: string | number) => (path === "" ? String(key) : `${path}.${key}`);
