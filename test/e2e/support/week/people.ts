import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROLES = ["reader", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of another program
  json: any;
}

/** A change that the API accepted, as the one who made it remembers it. */
export interface Change {
  actor: string;
  role: Role;
  method: string;
  path: string;
  status: number;
}

/** Somebody with a key of their own. */
export interface Person {
  readonly name: string;
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  /** Sends a file as it is. */
  upload(path: string, type: string, content: string): Promise<Answer>;
  /** Changes what `path` is now, under the version that it has. */
  change(method: "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Answer>;
}

export interface Staff extends Record<Role, Person> {
  /** Everything that was accepted of what they have sent, oldest first. */
  changes: readonly Change[];
  /** Where the API is, once that is known: ".../api/v1". */
  moveIn(url: string): void;
}

const NAMES: Record<Role, string> = {
  reader: "Rita Reader",
  operator: "Olu Operator",
  administrator: "Ada Administrator",
};

/**
 * Gives every role a key, in the key file of a host that has not been started yet. Returns the people, and the setting that
 * tells the app who they are.
 */
export function hire(data: string): { staff: Staff; environment: Record<string, string> } {
  const keys = Object.fromEntries(
    ROLES.map((role) => [role, randomBytes(40).toString("base64url")]),
  ) as Record<Role, string>;
  const folder = join(data, "functions-host");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "keys.json"), JSON.stringify(keys), { mode: 0o600 });
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const entries = ROLES.map((role) => `${sha256(keys[role])}:${role}:${NAMES[role]}`);

  const changes: Change[] = [];
  let url = "";
  const person = (role: Role): Person => {
    async function send(method: string, path: string, more: RequestInit = {}): Promise<Answer> {
      const answer = await fetch(`${url}/${path}`, {
        ...more,
        method,
        headers: { "x-functions-key": keys[role], ...more.headers },
      });
      const { status, headers } = answer;
      const bytes = Buffer.from(await answer.arrayBuffer());
      const text = bytes.toString("utf8");
      const value: Answer["json"] = parsed(text);
      // A file of which no row was taken has changed nothing.
      if (method !== "GET" && answer.ok && value?.created !== 0)
        changes.push({ actor: NAMES[role], role, method, path, status });
      return { status, headers, bytes, text, json: value };
    }
    const json = (body: unknown) => ({
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return {
      name: NAMES[role],
      get: (path) => send("GET", path),
      post: (path, body) => send("POST", path, body === undefined ? {} : json(body)),
      upload: (path, type, content) =>
        send("POST", path, {
          headers: { "content-type": type, "idempotency-key": randomUUID() },
          body: content,
        }),
      async change(method, path, body) {
        const etag = (await send("GET", path)).headers.get("etag") ?? "none";
        const { headers, ...more } = body === undefined ? { headers: {} } : json(body);
        return send(method, path, { ...more, headers: { ...headers, "if-match": etag } });
      },
    };
  };
  const [reader, operator, administrator] = [
    person("reader"),
    person("operator"),
    person("administrator"),
  ];
  return {
    staff: {
      ...{ reader, operator, administrator, changes },
      moveIn(where) {
        url = where;
      },
    },
    environment: { ROLE_KEYS: entries.join(",") },
  };
}

/** The answer's JSON, when it has the status that is wanted. */
export async function ok(answer: Promise<Answer>, status = 200): Promise<Answer["json"]> {
  const { status: given, text, json } = await answer;
  if (given !== status) throw new Error(`the API answered ${given}, not ${status}: ${text}`);
  return json;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
