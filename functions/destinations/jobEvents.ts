import { z } from "zod";
import { redacted } from "../security/redacted.ts";

/**
 * Events of an import job. Every value is a string, numbers and booleans too; names differ in case between sources, so they
 * are matched without regard to it (MS docs, migration-events). Unknown events are information and nothing else.
 */
export interface JobEvent {
  event: string;
  /** The job it is about. */
  job: string;
  message: string;
  errorCode: string;
  objectType: string;
  id: string;
  url: string;
  filesCreated: number | undefined;
  /** Files, and older versions of them. */
  contentsCreated: number | undefined;
  totalErrors: number | undefined;
  /** The whole text, for GUIDs in places that nobody documents. */
  text: string;
}

const fieldsSchema = z.record(z.string(), z.unknown());

export function parseJobEvent(text: string): JobEvent {
  const fields = new Map(
    Object.entries(fieldsSchema.parse(JSON.parse(text))).map(([key, value]) => [
      key.toLowerCase(),
      String(value ?? ""),
    ]),
  );
  const field = (name: string) => fields.get(name.toLowerCase()) ?? "";
  const number = (name: string) => (field(name) === "" ? undefined : Number(field(name)));
  return {
    event: field("Event"),
    job: field("JobId"),
    message: redacted(field("Message")),
    errorCode: field("ErrorCode"),
    objectType: field("ObjectType"),
    id: field("Id").toLowerCase(),
    url: field("Url"),
    // Since April 2024, and only in some events (MS docs: migration-events).
    filesCreated: number("FilesCreatedIrrespectiveOfVersions"),
    contentsCreated: number("FilesCreated"),
    totalErrors: number("TotalErrors"),
    text,
  };
}

/** The job stopped before it was through. */
export const isFatal = ({ event }: JobEvent): boolean =>
  event === "JobFatalError" || event === "JobCancelled" || event === "JobDeleted";

export const isTerminal = (event: JobEvent): boolean => event.event === "JobEnd" || isFatal(event);

/** What SharePoint said, for a report. */
export const saidBy = ({ event, message, errorCode }: JobEvent): string =>
  `SharePoint: ${message || event}${errorCode && ` (${errorCode})`}`.slice(0, 1000);
