import type { HttpRequest } from "@azure/functions";
import type { z } from "zod";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { fieldProblems, NO_SUCH_FIELD, parseFields } from "../../domain/fields/fieldProblems.ts";
import { suggestion } from "../../domain/fields/nearest.ts";
import { Invalid } from "./problems.ts";
import { findUnknown } from "./unknownFields.ts";

/** The body as text; refused as soon as it is longer than allowed, so that nobody fills the app's memory. */
export async function readText(request: HttpRequest, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new LongshoreError("PAYLOAD_TOO_LARGE", `at most ${maxBytes} bytes are accepted here`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks, size));
  } catch {
    throw new LongshoreError("BAD_REQUEST", "the body is not UTF-8 text; save the file as UTF-8");
  }
}

/** What a body says: parsed if it is JSON and `asText` is not set, otherwise its text. A missing body is an empty object. */
export function parseBody(
  request: HttpRequest,
  text: string,
  accepted: readonly string[],
  asText = false,
): unknown {
  if (text === "") return asText ? "" : {};
  const type =
    (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!accepted.includes(type))
    throw new LongshoreError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body is ${type || "of no type"}; accepted here: ${accepted.join(", ")}`,
    );
  if (asText || type !== "application/json") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LongshoreError("BAD_REQUEST", `the body is not JSON: ${(error as Error).message}`);
  }
}

/** A route without a body takes none, or an empty object: whatever stands in it would have no effect. */
export function refuseBody(text: string): void {
  const value = text.trim() === "" ? {} : jsonOf(text);
  if (value === null) return;
  if (typeof value !== "object" || Array.isArray(value))
    throw new Invalid([{ field: "", message: "must be empty: this route takes no body" }]);
  const names = Object.keys(value);
  if (names.length > 0)
    throw new Invalid(names.map((field) => ({ field, message: NO_SUCH_FIELD })));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Checks what was sent against its schema; refuses fields that the schema does not have, each by its name. */
export function checked<T>(schema: z.ZodType<T> | undefined, value: unknown, strict: boolean): T {
  if (!schema) return undefined as T;
  const unknown = strict ? findUnknown(schema, value) : [];
  const parsed = parseFields(schema, value);
  if (parsed.success && unknown.length === 0) return parsed.data;
  const others = fieldProblems(parsed.error?.issues ?? []).filter(
    ({ field, message }) =>
      message !== NO_SUCH_FIELD || !unknown.some((each) => each.field === field),
  );
  throw new Invalid([
    ...unknown.map(({ field, name, known }) => ({
      field,
      message: `${NO_SUCH_FIELD}${suggestion(name, known)}`,
    })),
    ...others,
  ]);
}

/** Parameters that take several values in one. */
const LISTS: Record<string, string> = {
  state: '; write several states with "," between them, like Failed,Paused',
};

/** The query without the function key that may be in it. A parameter that is repeated counts as wrong, not as the last one. */
export function queryOf(request: HttpRequest): Record<string, string> {
  const query: Record<string, string> = {};
  const { searchParams } = new URL(request.url);
  for (const [name, value] of searchParams) {
    if (name.toLowerCase() === "code") continue;
    if (Object.hasOwn(query, name))
      throw new Invalid([{ field: name, message: `may be given only once${LISTS[name] ?? ""}` }]);
    Object.defineProperty(query, name, { value, enumerable: true, configurable: true });
  }
  return query;
}
