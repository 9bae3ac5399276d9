/** Values as they cross the line between host and worker (`RpcTypedData` of the Functions language worker protocol). */

export interface RpcHttp {
  method?: string;
  url?: string;
  nullableHeaders?: NullableStrings;
  nullableQuery?: NullableStrings;
  nullableParams?: NullableStrings;
  statusCode?: string;
  headers?: Record<string, string>;
  cookies?: RpcCookie[];
  body?: RpcTypedData;
}

export type NullableStrings = Record<string, { value: string }>;

export interface RpcCookie {
  name: string;
  value: string;
  domain?: { value: string };
  path?: { value: string };
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  sameSite?: "none" | "lax" | "strict" | "explicitNone";
  maxAge?: { value: number };
}

export interface RpcTypedData {
  string?: string | null;
  json?: string | null;
  bytes?: Uint8Array | null;
  int?: number | null;
  double?: number | null;
  http?: RpcHttp | null;
}

/** The value that the .NET host would hold for what a function returned; null when it returned nothing. */
export function fromTypedData(data: RpcTypedData | null | undefined): unknown {
  if (!data) return null;
  if (typeof data.string === "string") return data.string;
  if (typeof data.json === "string") return JSON.parse(data.json);
  if (data.bytes) return Buffer.from(data.bytes).toString("base64");
  return data.int ?? data.double ?? null;
}

/** `{a: "1"}` as the worker protocol writes it. */
export function nullableStrings(values: Record<string, string>): NullableStrings {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }]));
}
