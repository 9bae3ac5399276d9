import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { AgentRecord, SessionRecord, TaskRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";

/* What a caller names has to exist: each finds it, or throws NOT_FOUND. */

export async function requireSession(
  { tasks }: Pick<Services, "tasks">,
  id: string,
): Promise<SessionRecord> {
  return (await tasks.findSession(id)) ?? missing("session", id);
}

export async function requireTask(
  { tasks }: Pick<Services, "tasks">,
  id: string,
): Promise<TaskRecord> {
  return (await tasks.find(id)) ?? missing("task", id);
}

export async function requireAgent(
  { agents }: Pick<Services, "agents">,
  id: string,
): Promise<AgentRecord> {
  return (await agents.find(id)) ?? missing("agent", id);
}

/** It is not there, or no longer. */
export function missing(what: string, id: string): never {
  throw new LongshoreError("NOT_FOUND", `there is no ${what} ${id}`);
}
