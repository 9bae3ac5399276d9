import type { Settings } from "../../shared/contracts/settings.ts";
import type { TaskRecord } from "../domain/records.ts";
import { effectiveSettings, type SettingsOfLevels } from "../domain/settings.ts";
import type { Services } from "../services.ts";

type Stores = Pick<Services, "settings" | "tasks">;

/** What each level sets for a task. */
export async function loadLevels(
  { settings, tasks }: Stores,
  task: Pick<TaskRecord, "sessionId" | "settings">,
): Promise<SettingsOfLevels> {
  const [global, session] = await Promise.all([settings.load(), tasks.findSession(task.sessionId)]);
  return { global, session: session?.settings, task: task.settings };
}

/** The values that a round of the task which begins now keeps to its end. */
export async function loadSettings(app: Stores, task: TaskRecord): Promise<Settings> {
  return effectiveSettings(await loadLevels(app, task)).values;
}
