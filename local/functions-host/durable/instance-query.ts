import type { SQLInputValue } from "node:sqlite";
import { BadArgument } from "./client.ts";
import type { Instance } from "./instances.ts";
import type { Store } from "./store.ts";

const DEFAULT_PAGE = 100;

interface Filter {
  where: string;
  args: SQLInputValue[];
}

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
  const last = instances.at(-1);
  const more = rows.length > top && last;
  return { instances, nextToken: more ? writeToken(last) : undefined };
}

/** Ids of all instances that match. */
export function findInstanceIds(store: Store, query: URLSearchParams): string[] {
  const { where, args } = readFilter(query);
  const sql = `SELECT id FROM instances WHERE ${where}`;
  return store.all<{ id: string }>(sql, ...args).map(({ id }) => id);
}

function readFilter(query: URLSearchParams): Filter {
  const conditions = ["TRUE"];
  const args: SQLInputValue[] = [];
  const from = readTime(query, "createdTimeFrom");
  if (from !== undefined) {
    conditions.push("created >= ?");
    args.push(from);
  }
  const to = readTime(query, "createdTimeTo");
  if (to !== undefined) {
    conditions.push("created <= ?");
    args.push(to);
  }
  const statuses = (query.get("runtimeStatus") ?? "").split(",").filter(Boolean);
  if (statuses.length > 0) {
    conditions.push(`status IN (${statuses.map(() => "?").join()})`);
    args.push(...statuses);
  }
  const prefix = query.get("instanceIdPrefix");
  if (prefix) {
    conditions.push("substr(id, 1, ?) = ?");
    args.push(prefix.length, prefix);
  }
  return { where: conditions.join(" AND "), args };
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new BadArgument(`${name} is not a date and time: ${text}`);
  return time;
}

const writeToken = ({ created, id }: Instance): string =>
  Buffer.from(JSON.stringify([created, id])).toString("base64url");

function readToken(token: string): [number, string] {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as [number, string];
  } catch {
    throw new BadArgument("x-ms-continuation-token is not a token of this host");
  }
}
