import type { Amount } from "../../shared/contracts/amounts.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";

export const amount = (items: number, bytes: number): Amount => ({ items, bytes });

/** A round in the middle of its way, with what a test wants to be different. */
export function roundView(more: Partial<RoundView> = {}): RoundView {
  const none = amount(0, 0);
  return {
    number: 0,
    state: "InProgress",
    startedAt: "2026-01-01T00:00:00.000Z",
    progress: { percent: 0 },
    scanFinished: true,
    scanned: { ...amount(100, 1000), files: 90, folders: 10, issues: 0 },
    packaged: none,
    uploaded: none,
    imported: none,
    migrated: none,
    skipped: none,
    failed: none,
    ...more,
  };
}
