import type { TaskRecord } from "../records.ts";

const WINDOWS = /^(\\\\|\/\/|[a-z]:)/i;

/**
 * Source and destination as one text that is the same whenever they are: without slashes at the end, without regard to case
 * where the file system or SharePoint have none (Windows shares and drives; sites, libraries and folders).
 */
export function placeOf({ source, destination }: Pick<TaskRecord, "source" | "destination">) {
  const { siteUrl, library, folder } = destination;
  return JSON.stringify([
    sourceKey(source),
    ...[siteUrl, library, folder].map((text) => text.normalize("NFC").toLowerCase()),
  ]);
}

/** A folder of a share in one spelling, so that what is the same folder there is the same text. */
export function sourceKey(source: string): string {
  const path = WINDOWS.test(source) ? source.replaceAll("/", "\\").toLowerCase() : source;
  return path.replace(/(?<=.)[\\/]+$/, "").normalize("NFC");
}
