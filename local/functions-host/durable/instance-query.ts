import { BadArgument } from "./client.ts";
import type { Instance } from "./instances.ts";
import type { Store } from "./store.ts";

const DEFAULT_PAGE = 100;

/** One page of instances, oldest first. `token` continues where an earlier page ended. */
export function queryInstances(
  store: Store,
  query: URLSearchParams,
  token: string | undefined,
): { instances: Instance[]; nextToken: string | undefined } {
  const { where, args } = readFilter(query);
  const top = Number(query.get("top") || DEFAULT_PAGE);
  if (!Number.isInteger(top) || top < 1) throw new BadArgument("top must be a positive integer");
  const [created, id] = token ? readToken(token) : [-1, ""];
  const rows = store.all<Instance>(
    `SELECT * FROM instances WHERE (created, id) > (?, ?) AND ${where} ORDER BY created, id LIMIT ?`,
    created,
    id,
    ...args,
    top + 1,
  );
  const instances = rows.slice(0, top);
  const last = rows.length > top ? instances.at(-1) : undefined;
  const nextToken =
    last && Buffer.from(JSON.stringify([last.created, last.id])).toString("base64url");
  return { instances, nextToken };
}

/** Ids of all instances that match. */
export function findInstanceIds(store: Store, query: URLSearchParams): string[] {
  const { where, args } = readFilter(query);
  const sql = `SELECT id FROM instances WHERE ${where}`;
  return store.all<{ id: string }>(sql, ...args).map(({ id }) => id);
}

function readFilter(query: URLSearchParams): { where: string; args: (string | number)[] } {
  const conditions = ["TRUE"];
  const args: (string | number)[] = [];
  const add = (condition: string, ...values: (string | number)[]) => {
    conditions.push(condition);
    args.push(...values);
  };
  const from = readTime(query, "createdTimeFrom");
  const to = readTime(query, "createdTimeTo");
  const statuses = (query.get("runtimeStatus") ?? "").split(",").filter(Boolean);
  const prefix = query.get("instanceIdPrefix");
  if (from !== undefined) add("created >= ?", from);
  if (to !== undefined) add("created <= ?", to);
  // The extension reads them without regard to case.
  if (statuses.length > 0)
    add(`status COLLATE NOCASE IN (${statuses.map(() => "?").join()})`, ...statuses);
  if (prefix) add("substr(id, 1, ?) = ?", prefix.length, prefix);
  return { where: conditions.join(" AND "), args };
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new BadArgument(`${name} is not a date and time: ${text}`);
  return time;
}

function readToken(token: string): [number, string] {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as [number, string];
  } catch {
    throw new BadArgument("x-ms-continuation-token is not a token of this host");
  }
}
