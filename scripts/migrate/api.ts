import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { CommandError } from "../../local/supervisor/command-error.ts";
import { agentViewSchema, enrolmentTokenResponseSchema } from "../../shared/contracts/agents.ts";
import { type Problem, problemSchema } from "../../shared/contracts/api.ts";
import { reportListSchema } from "../../shared/contracts/reports.ts";
import { sessionListSchema, sessionViewSchema } from "../../shared/contracts/sessions.ts";
import { type TaskCreate, taskListSchema, taskViewSchema } from "../../shared/contracts/tasks.ts";

/** The API refused: problem details that carry what to do. */
export class ApiProblem extends CommandError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const fields = (problem.errors ?? []).map(({ field, message }) => ` ${field}: ${message}.`);
    super(`${problem.detail}${fields.join("")}`, problem.remedy);
    this.problem = problem;
  }
}

/** How long a request is tried while the control plane does not answer; a part that never comes back is given up before. */
const PATIENCE_MS = 300_000;
/** The same for one that answers that it cannot. */
const ERROR_PATIENCE_MS = 60_000;
const RETRY_PAUSE_MS = 250;

export type Api = ReturnType<typeof createApi>;

/** Client of the control plane's HTTP API, for those who hold a functions key. */
export function createApi(url: string, key: () => string, signal: AbortSignal) {
  /**
   * Sends a request, again and again while nobody answers (a part is being restarted). What creates carries an idempotency key,
   * so that it happens once.
   */
  async function send(method: string, path: string, body?: unknown) {
    const once = method === "GET" ? undefined : { "idempotency-key": randomUUID() };
    const began = Date.now();
    for (;;) {
      try {
        const response = await fetch(`${url}/api/v1/${path}`, {
          method,
          signal,
          headers: { "x-functions-key": key(), "content-type": "application/json", ...once },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        if (response.ok) return response;
        const problem = await readProblem(response);
        // 401: the host forgot its task hub, and with it its keys; the next key is the new one.
        const mayPass = response.status >= 500 || response.status === 401;
        if (!mayPass || Date.now() - began > ERROR_PATIENCE_MS) throw new ApiProblem(problem);
      } catch (error) {
        if (error instanceof ApiProblem || signal.aborted) throw error;
        if (Date.now() - began > PATIENCE_MS) {
          throw new CommandError(
            `The control plane at ${url} does not answer (${causeOf(error)}).`,
            "Read logs/functions-host.log in the data folder, mend what it names, and run this again.",
            { cause: error },
          );
        }
      }
      await delay(RETRY_PAUSE_MS, undefined, { signal });
    }
  }

  async function call<T>(schema: z.ZodType<T>, ...request: Parameters<typeof send>): Promise<T> {
    return schema.parse(await (await send(...request)).json());
  }

  async function allPages<P extends { next?: string | undefined }, T>(
    path: string,
    schema: z.ZodType<P>,
    itemsOf: (page: P) => T[],
    filter: Record<string, string> = {},
  ): Promise<T[]> {
    const items: T[] = [];
    for (let after: string | undefined; ; ) {
      const query = new URLSearchParams({ ...filter, limit: "1000", ...(after && { after }) });
      const page: P = await call(schema, "GET", `${path}?${query}`);
      items.push(...itemsOf(page));
      after = page.next;
      if (after === undefined) return items;
    }
  }

  const agents = z.object({ agents: z.array(agentViewSchema) });
  const reports = (task: string, round: number) => `tasks/${task}/rounds/${round}/reports`;

  return {
    listSessions: () => allPages("sessions", sessionListSchema, ({ sessions }) => sessions),
    createSession: (name: string) => call(sessionViewSchema, "POST", "sessions", { name }),
    listTasks: (session: string, filter: Record<string, string> = {}) =>
      allPages(`sessions/${session}/tasks`, taskListSchema, ({ tasks }) => tasks, filter),
    createTask: (session: string, task: TaskCreate) =>
      call(taskViewSchema, "POST", `sessions/${session}/tasks`, task),
    getTask: (id: string) => call(taskViewSchema, "GET", `tasks/${id}`),
    /** Starts the next round, or makes sure that the one in progress runs. Sending it twice does no harm. */
    runTask: (id: string) => call(taskViewSchema, "POST", `tasks/${id}/run`),
    listReports: async (task: string, round: number) =>
      (await call(reportListSchema, "GET", reports(task, round))).reports,
    /** Streams a report to a file. */
    async downloadReport(task: string, round: number, name: string, file: string) {
      const path = `${reports(task, round)}/${encodeURIComponent(name)}`;
      const { body } = await send("GET", path);
      await pipeline(Readable.fromWeb(body ?? new ReadableStream()), createWriteStream(file));
    },
    createEnrolmentToken: (uses: number) =>
      call(enrolmentTokenResponseSchema, "POST", "enrolment-tokens", { uses }),
    listAgents: async () => (await call(agents, "GET", "agents")).agents,
  };
}

async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    return problemSchema.parse(JSON.parse(text));
  } catch {
    const code = `HTTP ${response.status}`;
    return {
      type: "about:blank",
      title: code,
      status: response.status,
      code,
      detail: `The control plane answered ${code} to ${new URL(response.url).pathname}.`,
      remedy: "Read logs/functions-host.log in the data folder.",
    };
  }
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
