import type { Settings } from "../../../shared/contracts/settings.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { effectiveSettings, SCANS, type SettingsOfLevels } from "../../domain/settings.ts";
import type { Services } from "../../services.ts";

type Stores = Pick<Services, "settings" | "tasks">;

/** What each level sets for a task. */
export async function loadLevels(
  { settings, tasks }: Stores,
  task: Pick<TaskRecord, "sessionId" | "settings">,
): Promise<SettingsOfLevels> {
  const [global, session] = await Promise.all([settings.load(), tasks.findSession(task.sessionId)]);
  // Nothing makes a scan do more than scan.
  const own = task.sessionId === SCANS ? { ...task.settings, scanOnly: true } : task.settings;
  return { global, session: session?.settings, task: own };
}

/** The values that a round of the task which begins now keeps to its end. */
export async function loadSettings(app: Stores, task: TaskRecord): Promise<Settings> {
  return effectiveSettings(await loadLevels(app, task)).values;
}
