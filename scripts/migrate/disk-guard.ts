import { statfsSync } from "node:fs";
import { CommandError } from "../../local/supervisor/command-error.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";
import { formatBytes } from "./format.ts";

/** Below this nothing is started and what runs is stopped, while everything can still save its state. */
export const DISK_FLOOR_BYTES = 500_000_000;

export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Throws when less than the floor is free where `folder` lies. */
export function refuseFullDisk(name: string, folder: string, free = freeBytes): void {
  const left = free(folder);
  if (left >= DISK_FLOOR_BYTES) return;
  throw new CommandError(
    `The disk of the ${name} folder ${folder} is full: ${formatBytes(left)} are free, ${formatBytes(DISK_FLOOR_BYTES)} are the least to work with.`,
    "Free some space and run the same command again; it goes on where it was.",
  );
}

/**
 * Watches the disks while a round runs. Every call throws when one is full; the first one that sees that the rest of the
 * round will not fit returns a warning.
 */
export function createDiskGuard(
  folders: Readonly<Record<"library" | "data", string>>,
  free = freeBytes,
): (round: RoundView | undefined) => string | undefined {
  let warned = false;
  return (round) => {
    for (const [name, folder] of Object.entries(folders)) refuseFullDisk(name, folder, free);
    if (warned || !round?.scanFinished) return undefined;
    const { scanned, imported, packaged, uploaded } = round;
    // What is uploaded and not imported lies in the local storage account for a while, too.
    const toCome = scanned.bytes - imported.bytes + Math.max(0, packaged.bytes - uploaded.bytes);
    const left = free(folders.library) - DISK_FLOOR_BYTES;
    if (toCome <= left) return undefined;
    warned = true;
    return `Warning: up to ${formatBytes(toCome)} are still to come and ${formatBytes(left)} are left for the library. Free some space; the migration stops before the disk is full.`;
  };
}
