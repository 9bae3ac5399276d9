import { describe, expect, it } from "@jest/globals";
import { PACKAGE_STATES, type PackageState } from "../records.ts";
import { canBecome, stagesReached, survivesRestart } from "./packageStates.ts";

/** Every transition there is; what is not here must be refused. */
const LIFE: Record<PackageState, PackageState[]> = {
  scanned: ["planned", "recorded"],
  planned: ["sealed", "recorded", "scanned"],
  sealed: ["submitting", "recorded", "scanned"],
  submitting: ["importing", "sealed", "recorded", "scanned"],
  importing: ["imported", "recorded", "scanned"],
  imported: ["recorded", "scanned"],
  recorded: [],
};
const STAGES = { scanned: 0, planned: 1, sealed: 2, submitting: 2, importing: 2 };

describe("the life of a package", () => {
  const pairs = PACKAGE_STATES.flatMap((from) => PACKAGE_STATES.map((to) => [from, to] as const));

  it.each(pairs)("%s to %s", (from, to) => {
    expect(canBecome(from, to)).toBe(LIFE[from].includes(to));
  });

  it("is over when it is recorded", () => {
    expect(PACKAGE_STATES.filter((state) => LIFE[state].length === 0)).toEqual(["recorded"]);
  });

  it("survives the loss of its orchestration once SharePoint has accepted it", () => {
    expect(PACKAGE_STATES.filter(survivesRestart)).toEqual(["importing", "imported", "recorded"]);
  });

  it.each(Object.entries({ ...STAGES, imported: 3, recorded: 4 }))(
    "%s has reached %i stages",
    (state, stages) => expect(stagesReached(state as PackageState)).toBe(stages),
  );

  it("never reaches fewer stages on its way", () => {
    for (const [from, to] of pairs)
      if (canBecome(from, to) && to !== "scanned")
        expect(stagesReached(to)).toBeGreaterThanOrEqual(stagesReached(from));
  });
});
