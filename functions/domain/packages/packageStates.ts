import type { PackageState } from "../records.ts";

/**
 * The life of a package. A package whose attempt failed goes back to "scanned" and is planned anew, with new containers and a
 * new key; a job that SharePoint has accepted is followed to its end instead. What is recorded stays.
 */
const TRANSITIONS: Record<PackageState, readonly PackageState[]> = {
  scanned: ["planned", "recorded"],
  planned: ["sealed", "recorded", "scanned"],
  sealed: ["submitting", "recorded", "scanned"],
  submitting: ["importing", "sealed", "recorded", "scanned"],
  importing: ["imported", "recorded", "scanned"],
  imported: ["recorded", "scanned"],
  recorded: [],
};

export const canBecome = (from: PackageState, to: PackageState): boolean =>
  TRANSITIONS[from].includes(to);

/** What recovery leaves alone: results that are final, and jobs that run at SharePoint without us. */
export const survivesRestart = (state: PackageState): boolean =>
  state === "recorded" || state === "importing" || state === "imported";

/** How many of the round's stage counters a package in this state has reached: packaged, uploaded, imported, recorded. */
export function stagesReached(state: PackageState): number {
  switch (state) {
    case "scanned":
      return 0;
    case "planned":
      return 1;
    case "sealed":
    case "submitting":
    case "importing":
      return 2;
    case "imported":
      return 3;
    case "recorded":
      return 4;
  }
}
