import type { KeyObject } from "node:crypto";
import { z } from "zod";
import {
  AGENT_AUTH_SCHEME,
  type EnrolRequest,
  enrolResponseSchema,
  type HelloRequest,
  type HelloResponse,
  helloResponseSchema,
  type SourceCheckAnswer,
} from "../shared/contracts/agents.ts";
import type { Issue } from "../shared/contracts/inventory.ts";
import {
  type ClaimResponse,
  type CompleteRequest,
  claimResponseSchema,
  type HeartbeatRequest,
  type HeartbeatResponse,
  heartbeatResponseSchema,
} from "../shared/contracts/work.ts";
import { signRequest } from "./identity.ts";
import { messageOf } from "./log.ts";

/** What the control plane answered that was not a success, or that it did not answer at all (no `status`). */
export class ControlPlaneError extends Error {
  override readonly name = "ControlPlaneError";
  readonly status: number | undefined;
  readonly code: string | undefined;

  constructor(message: string, status?: number, code?: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }

  /**
   * Whether the same request may succeed later. A refusal without a code does not come from the control plane, but from
   * a proxy or a host that is still starting.
   */
  get retryable(): boolean {
    const { status, code } = this;
    return status === undefined || status === 429 || status >= 500 || code === undefined;
  }

  /** Whether the control plane gives this agent no work for the time being, and will when people have seen to it. */
  get suspended(): boolean {
    return this.code === "AGENT_DISABLED" || this.code === "AGENT_INCOMPATIBLE";
  }

  /** Whether the control plane does not accept who we are. */
  get unauthorized(): boolean {
    return !this.retryable && !this.suspended && (this.status === 401 || this.status === 403);
  }
}

/** One try per call; who calls knows how long trying again makes sense. */
export interface ControlPlane {
  hello(request: HelloRequest): Promise<HelloResponse>;
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatResponse>;
  claim(workItem: string, epoch: number): Promise<ClaimResponse>;
  complete(workItem: string, request: CompleteRequest): Promise<void>;
  fail(workItem: string, epoch: number, issue: Issue): Promise<void>;
  release(workItem: string, epoch: number): Promise<void>;
  answerCheck(check: string, answer: SourceCheckAnswer): Promise<void>;
}

const PREFIX = "api/agent/v1";
const TIMEOUT_MS = 30_000;
const nothing = z.unknown();

export async function enrol(controlPlane: string, request: EnrolRequest): Promise<string> {
  const url = routeUrl(controlPlane, "enrol");
  const answer = await post(url, JSON.stringify(request), {});
  return (await parseAnswer(url, answer, enrolResponseSchema)).agentId;
}

export function createControlPlane(url: string, agentId: string, key: KeyObject): ControlPlane {
  // How far the control plane's clock is ahead of ours, in seconds: signatures live a minute, and file servers' clocks drift.
  let skew = 0;

  async function call<T>(route: string, content: unknown, schema: z.ZodType<T>): Promise<T> {
    const target = routeUrl(url, route);
    const body = JSON.stringify(content);
    const send = async () => {
      const now = Math.floor(Date.now() / 1000) + skew;
      const jwt = await signRequest(key, agentId, {
        method: "POST",
        path: target.pathname,
        body,
        now,
      });
      return post(target, body, { authorization: `${AGENT_AUTH_SCHEME} ${jwt}` });
    };
    let answer = await send();
    if (answer.status === 401) {
      const measured = clockSkew(answer);
      if (Math.abs(measured - skew) > 20) {
        skew = measured;
        await answer.body?.cancel();
        answer = await send();
      }
    }
    return parseAnswer(target, answer, schema);
  }

  const item = (workItem: string, action: string) =>
    `work/${encodeURIComponent(workItem)}/${action}`;
  return {
    hello: (request) => call("hello", request, helloResponseSchema),
    heartbeat: (request) => call("heartbeat", request, heartbeatResponseSchema),
    claim: (workItem, epoch) => call(item(workItem, "claim"), { epoch }, claimResponseSchema),
    complete: async (workItem, request) => {
      await call(item(workItem, "complete"), request, nothing);
    },
    fail: async (workItem, epoch, issue) => {
      await call(item(workItem, "fail"), { epoch, issue }, nothing);
    },
    release: async (workItem, epoch) => {
      await call(item(workItem, "release"), { epoch }, nothing);
    },
    answerCheck: async (check, answer) => {
      await call(`checks/${encodeURIComponent(check)}`, answer, nothing);
    },
  };
}

function routeUrl(controlPlane: string, route: string): URL {
  const base = controlPlane.endsWith("/") ? controlPlane : `${controlPlane}/`;
  return new URL(`${PREFIX}/${route}`, base);
}

async function post(url: URL, body: string, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw noAnswer(url, error);
  }
}

async function parseAnswer<T>(url: URL, answer: Response, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await answer.text();
  } catch (error) {
    throw noAnswer(url, error);
  }
  const { status } = answer;
  const content = text === "" ? undefined : parseJson(text);
  if (!answer.ok) {
    const problem = problemSchema.safeParse(content).data;
    const detail = problem?.detail ?? problem?.title ?? answer.statusText;
    throw new ControlPlaneError(`${url.pathname}: ${status} ${detail}`, status, problem?.code);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  // A proxy's sign-in page, or a control plane of another version: nothing that a program can act on, but it may pass.
  const problem = z.prettifyError(parsed.error);
  throw new ControlPlaneError(`${url.pathname}: the answer does not fit the contract: ${problem}`);
}

/** RFC 9457, with the code of shared/contracts/errors.ts. */
const problemSchema = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  code: z.string().optional(),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function noAnswer(url: URL, cause: unknown): ControlPlaneError {
  return new ControlPlaneError(`${url.origin} does not answer: ${messageOf(cause)}`);
}

function clockSkew(answer: Response): number {
  const theirs = Date.parse(answer.headers.get("date") ?? "");
  return Number.isNaN(theirs) ? 0 : Math.round((theirs - Date.now()) / 1000);
}
