// The agent's other end: a real HTTP server with just the control plane's agent API, its state in memory. It verifies
// signatures, keeps leases and epochs, and gives what expires or is released back to the queue, as the real one does.
import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, decodeJwt, importJWK, jwtVerify } from "jose";
import type { z } from "zod";
import {
  AGENT_AUTH_SCHEME,
  AGENT_TOKEN_AUDIENCE,
  enrolRequestSchema,
  helloRequestSchema,
  sourceCheckAnswerSchema,
} from "../../shared/contracts/agents.ts";
import { type ErrorCode, LongshoreError } from "../../shared/contracts/errors.ts";
import type { Issue, SegmentSummary } from "../../shared/contracts/inventory.ts";
import {
  type ClaimResponse,
  type CompleteRequest,
  claimRequestSchema,
  completeRequestSchema,
  failRequestSchema,
  type HeartbeatRequest,
  heartbeatRequestSchema,
  releaseRequestSchema,
  type WorkMessage,
  type WorkSpec,
} from "../../shared/contracts/work.ts";

export interface FakeWorkItem {
  spec: WorkSpec;
  state: "queued" | "leased" | "done" | "failed" | "cancelled";
  epoch: number;
  /** Id of the agent that holds the lease. */
  agent?: string;
  leaseUntil: number;
  claims: number;
  releases: number;
  /** What heartbeats registered, in the order in which they did. */
  segments: SegmentSummary[];
  result?: CompleteRequest["result"];
  issue?: Issue;
}

export interface FakeControlPlane {
  url: string;
  /** A token that enrols any number of agents. */
  token: string;
  items: Map<string, FakeWorkItem>;
  heartbeats: HeartbeatRequest[];
  /** Names of the requests that were answered, in order ("hello", "claim", ...). */
  requests: string[];
  hellos: number;
  /** Set to break things: answers 503 while `down`; refuses every signature while `refuse`; gives no work while `suspend`. */
  faults: { down: boolean; refuse: boolean; suspend?: ErrorCode | undefined };
  /** Every hello as it came. */
  greetings: z.infer<typeof helloRequestSchema>[];
  /** The next heartbeat tells the agent to say hello again. */
  greet: boolean;
  /** Claims are told that the agent is in another group by now. */
  moved: boolean;
  /** Checks that heartbeats carry until they are answered, and the answers. */
  checks: { id: string; source: string }[];
  answers: Map<string, unknown>;
  add(workItem: string, spec: WorkSpec): Promise<void>;
  cancel(workItem: string): void;
  /** Resolves when the item is in this state. */
  reaches(workItem: string, state: FakeWorkItem["state"], limitMs?: number): Promise<FakeWorkItem>;
  close(): Promise<void>;
}

export interface FakeOptions {
  queueConnection: string;
  queue: string;
  /** Sends a work message to the queue. */
  send(message: WorkMessage): Promise<void>;
  leaseSeconds?: number;
  heartbeatSeconds?: number;
  /** How long the queue credential of a hello is good for. */
  credentialSeconds?: number;
}

export async function startFakeControlPlane(options: FakeOptions): Promise<FakeControlPlane> {
  const { leaseSeconds = 30, heartbeatSeconds = 1, credentialSeconds = 3_600 } = options;
  const keys = new Map<string, CryptoKey>();
  const items = new Map<string, FakeWorkItem>();

  const queueAgain = async (workItem: string, item: FakeWorkItem) => {
    item.state = "queued";
    item.epoch++;
    await options.send({ version: 1, workItem, epoch: item.epoch });
  };

  const expiry = setInterval(() => {
    for (const [workItem, item] of items)
      if (item.state === "leased" && Date.now() > item.leaseUntil) void queueAgain(workItem, item);
  }, 50);

  const routes: Record<string, (agent: string, body: unknown, workItem: string) => unknown> = {
    hello(_agent, body) {
      plane.greetings.push(parse(helloRequestSchema, body));
      plane.hellos++;
      plane.greet = false;
      const queueExpires = new Date(Date.now() + credentialSeconds * 1000).toISOString();
      const { queueConnection, queue } = options;
      return {
        name: "test",
        group: "default",
        queueConnection,
        queue,
        queueExpires,
        heartbeatSeconds,
      };
    },
    heartbeat(agent, body) {
      const request = parse(heartbeatRequestSchema, body);
      plane.heartbeats.push(request);
      const work = request.work.map(({ workItem, epoch, segments = [] }) => {
        const item = items.get(workItem);
        if (item?.state !== "leased" || item.epoch !== epoch || item.agent !== agent)
          return { workItem, verdict: "stop" as const };
        item.leaseUntil = Date.now() + leaseSeconds * 1000;
        item.segments.push(...segments);
        return { workItem, verdict: "continue" as const };
      });
      return { heartbeatSeconds, work, greet: plane.greet, checks: plane.checks };
    },
    claim(agent, body, workItem): ClaimResponse {
      const { epoch } = parse(claimRequestSchema, body);
      const item = items.get(workItem);
      if (item === undefined) throw new LongshoreError("NOT_FOUND");
      if (plane.moved) return { status: "gone", reason: "moved", moved: true };
      if (item.state !== "queued" || item.epoch !== epoch)
        return { status: "gone", reason: `${item.state}, epoch ${item.epoch}` };
      Object.assign(item, { state: "leased", agent, leaseUntil: Date.now() + leaseSeconds * 1000 });
      item.claims++;
      const last = item.segments.at(-1);
      const spec =
        item.spec.kind === "scan" && last !== undefined
          ? { ...item.spec, resume: { after: last.last, segment: last.segment + 1 } }
          : item.spec;
      if (spec.kind === "scan") spec.blobPrefix = `e${epoch}`;
      return { status: "granted", epoch, leaseSeconds, spec };
    },
    complete(agent, body, workItem) {
      const { epoch, result } = parse(completeRequestSchema, body);
      const item = held(agent, workItem, epoch, "done");
      if (item.state === "done") return {};
      Object.assign(item, { state: "done", result });
      if (result.kind === "scan") item.segments.push(...result.segments);
      return {};
    },
    fail(agent, body, workItem) {
      const { epoch, issue } = parse(failRequestSchema, body);
      Object.assign(held(agent, workItem, epoch), { state: "failed", issue });
      return {};
    },
    checks(_agent, body, check) {
      plane.answers.set(check, parse(sourceCheckAnswerSchema, body));
      plane.checks = plane.checks.filter(({ id }) => id !== check);
      return {};
    },
    async release(agent, body, workItem) {
      const item = held(agent, workItem, parse(releaseRequestSchema, body).epoch);
      item.releases++;
      await queueAgain(workItem, item);
      return {};
    },
  };

  function held(agent: string, workItem: string, epoch: number, also?: FakeWorkItem["state"]) {
    const item = items.get(workItem);
    const fits = item?.epoch === epoch && item.agent === agent;
    if (item === undefined || !fits || (item.state !== "leased" && item.state !== also))
      throw new LongshoreError("STALE_LEASE");
    return item;
  }

  async function authenticate(request: IncomingMessage, path: string, body: string) {
    const [scheme, jwt = ""] = (request.headers.authorization ?? "").split(" ");
    if (scheme !== AGENT_AUTH_SCHEME || plane.faults.refuse)
      throw new LongshoreError("UNAUTHORIZED", "no signature is accepted");
    const key = keys.get(decodeJwt(jwt).iss ?? "");
    if (key === undefined) throw new LongshoreError("UNAUTHORIZED", "unknown agent");
    const { payload } = await jwtVerify(jwt, key, {
      algorithms: ["EdDSA"],
      audience: AGENT_TOKEN_AUDIENCE,
      maxTokenAge: "60s",
    }).catch((error: unknown) => {
      throw new LongshoreError("UNAUTHORIZED", String(error));
    });
    const fits =
      payload.htm === request.method &&
      payload.htu === path &&
      payload.bh === hash("sha256", body, "base64url");
    if (!fits) throw new LongshoreError("UNAUTHORIZED", "the signature is of another request");
    return payload.iss as string;
  }

  async function answer(request: IncomingMessage): Promise<unknown> {
    const path = request.url ?? "";
    const body = await text(request);
    const match = /^\/api\/agent\/v1\/(?:work\/([^/]+)\/)?([a-z]+)(?:\/([^/]+))?$/.exec(path);
    const name = match?.[2] ?? "";
    if (plane.faults.down) throw new Error("down");
    if (name === "enrol") {
      const { token, publicKey } = parse(enrolRequestSchema, JSON.parse(body));
      if (token !== plane.token) throw new LongshoreError("ENROLMENT_REFUSED");
      const agentId = `agent-${keys.size + 1}`;
      keys.set(agentId, (await importJWK(publicKey, "EdDSA")) as CryptoKey);
      return { agentId };
    }
    const route = routes[name];
    if (route === undefined) throw new LongshoreError("NOT_FOUND");
    const agent = await authenticate(request, path, body);
    if (plane.faults.suspend) throw new LongshoreError(plane.faults.suspend);
    plane.requests.push(name);
    return route(agent, JSON.parse(body), decodeURIComponent(match?.[1] ?? match?.[3] ?? ""));
  }

  const server = createServer((request, response) => {
    const reply = (status: number, content: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(content));
    };
    answer(request).then(
      (content) => reply(200, content),
      (error: unknown) => {
        const status = error instanceof LongshoreError ? (STATUS[error.code] ?? 400) : 503;
        const code = error instanceof LongshoreError ? error.code : undefined;
        reply(status, { status, title: String(error), code });
      },
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const plane: FakeControlPlane = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: "test-token",
    items,
    heartbeats: [],
    requests: [],
    hellos: 0,
    greetings: [],
    greet: false,
    moved: false,
    checks: [],
    answers: new Map(),
    faults: { down: false, refuse: false },
    async add(workItem, spec) {
      items.set(workItem, {
        ...{ spec, state: "queued", epoch: 1, leaseUntil: 0, claims: 0, releases: 0, segments: [] },
      });
      await options.send({ version: 1, workItem, epoch: 1 });
    },
    cancel(workItem) {
      const item = items.get(workItem);
      if (item !== undefined) item.state = "cancelled";
    },
    async reaches(workItem, state, limitMs = 15_000) {
      for (const end = Date.now() + limitMs; ; ) {
        const item = items.get(workItem);
        if (item?.state === state) return item;
        if (Date.now() > end)
          throw new Error(`${workItem} is ${item?.state}, not ${state}: ${item?.issue?.message}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      clearInterval(expiry);
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return plane;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  STALE_LEASE: 409,
  UNAUTHORIZED: 401,
  ENROLMENT_REFUSED: 403,
  AGENT_DISABLED: 403,
  AGENT_INCOMPATIBLE: 403,
};

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new LongshoreError("BAD_REQUEST", result.error.message);
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
