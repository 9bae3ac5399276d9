import { type ErrorCode, errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";

/** Where an item that did not arrive got stuck; the words are those of the familiar report column. */
export type Failure = "scan" | "reading" | "packing" | "uploading" | "submitting" | "querying";

export const FAILURE_CATEGORY: Record<Failure, string> = {
  scan: "SCAN FAILURE",
  reading: "READ FAILURE",
  packing: "PACK FAILURE",
  uploading: "UPLOADING FAILURE",
  submitting: "SUBMITTING FAILURE",
  querying: "SERVER FAILURE",
};

const READING = new Set<ErrorCode>(["SOURCE_READ_FAILED", "FILE_VANISHED", "FILE_CHANGED"]);

const SUBMITTING = new Set<ErrorCode>([
  "SUBMIT_FAILED",
  "CONTAINER_EXPIRED",
  "CONTAINER_REFUSED",
  "DESTINATION_ACCESS_DENIED",
]);

export function failureOf(outcome: Outcome): Failure {
  const code = outcome.issue?.code ?? "INTERNAL";
  // The same refusal is a scan failure when the walk met it and a read failure when the upload did.
  if (code === "SOURCE_ACCESS_DENIED") return outcome.agent ? "reading" : "scan";
  if (READING.has(code)) return "reading";
  if (SUBMITTING.has(code)) return "submitting";
  const { stage } = errorDefinition(code);
  if (stage === "scan") return "scan";
  if (stage === "package") return "packing";
  if (stage === "upload") return "uploading";
  return "querying";
}
