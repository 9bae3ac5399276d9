import type { AuditEntry } from "../../../shared/contracts/audit.ts";
import type { Services } from "../../services.ts";
import { inParallel } from "../inParallel.ts";
import { audit } from "./audit.ts";

const DAY_MS = 24 * 3_600_000;
/** A timer's function has to end long before the host stops it; what is left is found by the next one. */
const WORK_MS = 2 * 60_000;
/** Entries that are removed together: they go in a few transactions. */
const BATCH = 500;

/** Removes audit entries that are older than they have to be kept, and says so in the trail. With `dryRun` they are only counted. */
export async function trimAudit(
  app: Services,
  { dryRun, now = Date.now() }: { dryRun: boolean; now?: number },
): Promise<number> {
  const before = now - app.config.RETAIN_AUDIT_DAYS * DAY_MS;
  const until = Date.now() + WORK_MS;
  let entries = 0;
  let batch: AuditEntry[] = [];
  const flush = async () => {
    if (!dryRun) await inParallel(BATCH, batch, (entry) => app.audit.remove(entry));
    batch = [];
  };
  for await (const entry of app.audit.before(before)) {
    if (Date.now() > until) break;
    entries++;
    if (batch.push(entry) === BATCH) await flush();
  }
  await flush();
  if (entries > 0 && !dryRun)
    await audit(app, {
      action: "removeAuditEntries",
      ids: { before: new Date(before).toISOString(), entries: `${entries}` },
    });
  return entries;
}
