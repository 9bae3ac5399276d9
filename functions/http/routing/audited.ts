import type { HttpResponseInit } from "@azure/functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { redacted } from "../../security/redacted.ts";
import type { AuditStore, NewAuditEntry } from "../../stores/audit.ts";
import { STATUS } from "./problems.ts";

/**
 * Makes a change with an entry in the audit trail: written before, completed afterwards with what is known then, taken out
 * again when the change was refused, or was none (then there are no ids). Should the process end in between, the entry stays as it was written.
 */
export async function audited(
  audit: AuditStore,
  entry: NewAuditEntry,
  change: () => Promise<{ answer: HttpResponseInit; ids: Record<string, string> | undefined }>,
): Promise<HttpResponseInit> {
  const intent = await audit.intend(entry);
  const { answer, ids } = await change().catch(async (error: unknown) => {
    const status = (error instanceof LongshoreError && STATUS[error.code]) || 500;
    await (status < 500 ? intent.refused() : intent.done(status)).catch(notCompleted);
    throw error;
  });
  const completed = ids ? intent.done(answer.status ?? 200, ids) : intent.refused();
  await completed.catch(notCompleted);
  return answer;
}

/** What the caller is told is what became of the change, or he would make it again; the entry says that nobody knows how it went. */
const notCompleted = (error: unknown) =>
  console.error(JSON.stringify({ event: "audit-not-completed", message: redacted(String(error)) }));
