import type { PackageRecord } from "../records.ts";

/** A container of ours in a package storage account. */
export interface StoredContainer {
  name: string;
  taskId: string;
  round: number;
  segment: number;
  /** When it was made, in milliseconds since 1970. */
  createdAt: number;
}

export interface RetentionLimits {
  /** Days that contents, and whole containers, stay after the package was recorded. */
  contentDays: number;
  containerDays: number;
}

const DAY_MS = 24 * 3_600_000;
/**
 * A key serves for three days and the SAS that is made with it at the end for three more; after that nobody can read a package's
 * contents any more, whatever its row says.
 */
const USABLE_MS = 7 * DAY_MS;

/** Contents are encrypted files; the other container has the manifests, and what SharePoint logged. */
export const holdsContents = ({ name }: Pick<StoredContainer, "name">): boolean =>
  name.endsWith("-d");

/** Whether a container has had its time. `row` is its package as the tables have it, if they do. */
export function isOverdue(
  container: StoredContainer,
  row: PackageRecord | undefined,
  { contentDays, containerDays }: RetentionLimits,
  now: number,
): boolean {
  const isInUse =
    row !== undefined &&
    row.state !== "recorded" &&
    [row.containers?.data, row.containers?.manifest].includes(container.name);
  if (isInUse && now - container.createdAt < USABLE_MS) return false;
  const since =
    row?.state === "recorded" && row.recordedAt ? Date.parse(row.recordedAt) : container.createdAt;
  const days = holdsContents(container) ? contentDays : containerDays;
  return now - Math.max(since, container.createdAt) >= days * DAY_MS;
}
