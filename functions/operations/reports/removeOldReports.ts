import type { Services } from "../../services.ts";
import { parseReportName } from "../../stores/rounds/roundBlobs.ts";
import { loadSettings } from "../sessions/loadSettings.ts";

const DAY_MS = 24 * 3600_000;

/**
 * Removes the reports that are older than the settings of their task allow. Blobs come in the order of their names, so the
 * settings of a task are looked up once. Returns how many were removed.
 */
export async function removeOldReports(app: Services, now: number): Promise<number> {
  const { reports } = app.state;
  let task: { id: string; days: number | null } | undefined;
  let removed = 0;
  for await (const blob of reports.listBlobsFlat()) {
    const taskId = parseReportName(blob.name)?.taskId;
    const age = (now - blob.properties.lastModified.getTime()) / DAY_MS;
    if (taskId === undefined || age < 1) continue;
    if (task?.id !== taskId) task = { id: taskId, days: await reportDays(app, taskId) };
    if (task.days === null || age < task.days) continue;
    await reports.getBlobClient(blob.name).deleteIfExists();
    removed++;
    await app.audit.add({
      ...{
        actor: "system",
        actorId: "system",
        role: "system",
        action: "removeReport",
        status: 204,
      },
      ids: { task: taskId, report: blob.name },
    });
  }
  return removed;
}

/** Reports of a task that has been deleted are not ours to judge: deleting it removes them. */
async function reportDays(app: Services, taskId: string): Promise<number | null> {
  const task = await app.tasks.find(taskId);
  return task ? (await loadSettings(app, task)).reportDays : null;
}
