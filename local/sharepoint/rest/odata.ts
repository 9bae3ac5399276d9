import type { IncomingMessage } from "node:http";
import { hresult } from "../import/error-codes.ts";

/** One segment of an OData path: `lists`, or `getByTitle('Documents')` with its arguments. */
interface Segment {
  /** Lower case: SharePoint does not mind the case of names. */
  name: string;
  /** By lower-case name; a single unnamed argument is "". */
  args: Record<string, string>;
}

export interface ODataRequest {
  method: string;
  segments: Segment[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  verbose: boolean;
}

/** What an endpoint answers: an entity, a collection, or the value that a function returns. */
export type ODataResult =
  | { entity: Record<string, unknown>; type: string; status?: 201 }
  | { collection: Record<string, unknown>[]; type: string }
  | { function: string; value: unknown; type?: string };

/** An answer other than 2xx. `code` is an HRESULT, `type` a .NET exception, as in SharePoint's error bodies. */
export class ODataError extends Error {
  override name = "ODataError";
  readonly status: number;
  readonly code: number;
  readonly type: string;
  constructor(status: number, code: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.type = type;
  }
}

/** MS docs "migration-job-progress-api-reference" print this error with its inner error, under "error". */
export class ProgressError extends ODataError {
  constructor(code: number, message: string) {
    super(500, code, "Microsoft.SharePoint.SPException", message);
  }
}

/** Splits a decoded path such as `web/lists/getByTitle('O''Brien')` at the slashes outside quotes. */
export function parsePath(path: string, query: URLSearchParams): Segment[] {
  const parts = path.match(/(?:'(?:[^']|'')*'|[^/'])+/g) ?? [];
  return parts.map((part) => {
    const [, name, args = ""] = /^([^(]+)(?:\((.*)\))?$/s.exec(part) ?? [];
    if (name === undefined) throw badRequest(`The expression "${part}" is not valid.`);
    return { name: name.toLowerCase(), args: parseArguments(args, query) };
  });
}

function parseArguments(text: string, query: URLSearchParams): Record<string, string> {
  const args: Record<string, string> = {};
  for (const part of text.match(/(?:'(?:[^']|'')*'|[^,'])+/g) ?? []) {
    const [, name = "", value = ""] = /^\s*(?:(\w+)\s*=)?\s*(.*?)\s*$/s.exec(part) ?? [];
    args[name.toLowerCase()] = literal(value, query);
  }
  return args;
}

/** 'text' with doubled quotes, guid'…', a bare number, or @alias whose value is in the query. */
function literal(text: string, query: URLSearchParams): string {
  if (text.startsWith("@")) return literal(query.get(text) ?? "", new URLSearchParams());
  const quoted = /^(?:guid|datetime)?'(.*)'$/s.exec(text)?.[1];
  return quoted === undefined ? text : quoted.replaceAll("''", "'");
}

/** Reduces an entity to what `$select` names; "RootFolder/UniqueId" selects within an expanded property. */
function project(entity: Record<string, unknown>, query: URLSearchParams): Record<string, unknown> {
  const [select, expand] = [listOf(query, "$select"), listOf(query, "$expand")];
  const isAll = select.length === 0 || select.includes("*");
  const isWanted = (name: string, value: unknown) => {
    if (expand.includes(name)) return true;
    const isPlain = typeof value !== "object" || value === null;
    return isPlain && (isAll || select.includes(name));
  };
  return Object.fromEntries(
    Object.entries(entity)
      .map(([key, value]) => [key.toLowerCase(), key, value] as const)
      .filter(([name, , value]) => isWanted(name, value))
      .map(([name, key, value]) => [key, projectNested(value, `${name}/`, select)]),
  );
}

function projectNested(value: unknown, prefix: string, select: string[]): unknown {
  const isSelected = (key: string) => select.includes(prefix + key.toLowerCase());
  if (!select.some((path) => path.startsWith(prefix))) return value;
  return Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => isSelected(key)));
}

function listOf(query: URLSearchParams, option: string): string[] {
  const parts = (query.get(option) ?? "").toLowerCase().split(",");
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** A whole number from `$top`, `$skip` and the like. */
export function numberOption(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d+$/.test(text)) throw badRequest(`The query option ${name} must be a whole number`);
  return Number(text);
}

/** The body of a successful answer in nometadata or verbose form. */
export function toBody(result: ODataResult, { query, verbose }: ODataRequest): unknown {
  if ("function" in result) {
    const { function: name, value, type } = result;
    if (verbose)
      return { d: { [name]: type ? { __metadata: { type }, ...(value as object) } : value } };
    return typeof value === "object" && value !== null ? value : { value };
  }
  const shape = (entity: Record<string, unknown>) => {
    const projected = project(entity, query);
    return verbose ? { __metadata: { type: result.type }, ...projected } : projected;
  };
  if ("entity" in result) return verbose ? { d: shape(result.entity) } : shape(result.entity);
  const values = result.collection.map(shape);
  return verbose ? { d: { results: values } } : { value: values };
}

/** The body of an error: "odata.error" in nometadata answers, "error" in verbose ones, as SharePoint has it. */
export function toErrorBody(error: ODataError, verbose: boolean): unknown {
  const code = `${error.code}, ${error.type}`;
  const message = { lang: "en-US", value: error.message };
  if (error instanceof ProgressError) {
    return { error: { code, innererror: { message: error.message, stacktrace: "" }, message } };
  }
  const body = { code, message };
  return verbose ? { error: body } : { "odata.error": body };
}

export function isVerbose(request: IncomingMessage): boolean {
  return /odata=verbose/i.test(request.headers.accept ?? "");
}

export function badRequest(message: string): ODataError {
  return new ODataError(400, hresult.invalidArgument, "System.ArgumentException", message);
}

export function notFound(message: string): ODataError {
  return new ODataError(404, hresult.fileNotFound, "System.IO.FileNotFoundException", message);
}

export function noResource(name: string): ODataError {
  const type = "Microsoft.SharePoint.Client.ResourceNotFoundException";
  return new ODataError(404, -1, type, `Cannot find resource for the request ${name}.`);
}

/** Throws for any method but POST. */
export function requirePost({ method }: ODataRequest): void {
  if (method === "POST") return;
  const type = "Microsoft.SharePoint.Client.ClientServiceException";
  throw new ODataError(405, -1, type, "The HTTP method must be POST");
}

/** An error of SharePoint itself, as opposed to one of the REST service. */
export function spError(status: number, code: number, message: string): ODataError {
  return new ODataError(status, code, "Microsoft.SharePoint.SPException", message);
}

/** An argument of a body. Throws if it is not a text with something in it. */
export function textOf(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || value === "") throw badRequest(`${name} is missing`);
  return value;
}
