import { z } from "zod";
import { type ErrorCode, LongshoreError } from "../../shared/contracts/errors.ts";
import { redacted } from "../security/redacted.ts";
import type { Answer } from "./http.ts";

/** SharePoint's OData: how requests are spelled, and what answers mean, in the nometadata and in the verbose form. */

export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

export const isRefused = ({ status }: Answer) => status === 401 || status === 403;

/** No item is there, or none can be: SharePoint does not take the path (400, 414). */
export const isNowhere = ({ status }: Answer) => status === 404 || status === 400 || status === 414;

/** Entities of a collection, and where the next page is, if there is one. */
export const collectionOf = <T>(entity: z.ZodType<T>) =>
  z.union([
    z
      .object({ value: z.array(entity), "odata.nextLink": z.string().optional() })
      .transform(({ value, "odata.nextLink": next }) => ({ items: value, next })),
    z
      .object({ results: z.array(entity), __next: z.string().optional() })
      .transform(({ results, __next: next }) => ({ items: results, next })),
  ]);

/** What the answer says, checked. Throws a LongshoreError that says `what` was asked for. */
export function expectAnswer<T>(answer: Answer, schema: z.ZodType<T>, what: string): T {
  const { status } = answer;
  if (status >= 300) throw new LongshoreError(codeOf(status), describe(answer, what));
  const parsed = schema.safeParse(unwrapped(answer.body));
  if (parsed.success) return parsed.data;
  const problem = z.prettifyError(parsed.error);
  throw new LongshoreError(
    "INTERNAL",
    `${what}: SharePoint's answer is not understood: ${problem}`,
  );
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return "DESTINATION_ACCESS_DENIED";
  if (status === 404) return "DESTINATION_NOT_FOUND";
  // No waiting mends the others; somebody has to look.
  return status >= 500 || status === 429 ? "DESTINATION_UNREACHABLE" : "INTERNAL";
}

const describe = (answer: Answer, what: string) =>
  answer.status === 404 ? `${what} does not exist` : `${what}: ${messageOf(answer)}`;

/** In the verbose form an entity is `{ d: … }` and what a function returns `{ d: { Name: … } }`. */
export function unwrapped(body: unknown): unknown {
  if (!body || typeof body !== "object" || !("d" in body)) return body;
  const inner = (body as { d: Record<string, unknown> }).d;
  const [only, ...more] = Object.values(inner);
  // A collection is `{ d: { results: […] } }`, with one property, too.
  if (more.length > 0 || "results" in inner) return inner;
  return only && typeof only === "object" ? only : { value: only };
}

const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;

/** The id that a function returned, in either form of the answer. The all-zero GUID is none. */
export function guidIn(body: unknown): string | undefined {
  const guid = GUID.exec(JSON.stringify(body ?? ""))?.[0].toLowerCase();
  return guid && !/^[0-]+$/.test(guid) ? guid : undefined;
}

/** SharePoint's own words in an answer that is no success. */
export function messageOf({ status, body }: Answer): string {
  const found = /"value":\s*"([^"]+)"/.exec(JSON.stringify(body ?? ""))?.[1];
  const text = found ?? (typeof body === "string" && body ? body : "no message");
  return `${redacted(text).slice(0, 500)} (HTTP ${status})`;
}
