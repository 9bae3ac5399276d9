import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { settingsLayerSchema } from "../../shared/contracts/settingLevels.ts";
import { SETTING_NAMES, type Settings, settingsSchema } from "../../shared/contracts/settings.ts";
import { decideAlike, effectiveSettings, explainSettings } from "./settings.ts";

const defaults = settingsSchema.parse({});

describe("effective settings", () => {
  it("are the defaults when nobody sets anything", () => {
    const { values, origin } = effectiveSettings({});
    expect(values).toEqual(defaults);
    expect(new Set(Object.values(origin))).toEqual(new Set(["default"]));
  });

  it("are those of the innermost level that sets them, and say which that is", () => {
    const level = fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined });
    fc.assert(
      fc.property(level, level, level, (global, session, task) => {
        const layer = (value: number | undefined) =>
          value === undefined ? undefined : { attemptsPerItem: value };
        const found = explainSettings({
          ...{ global: layer(global), session: layer(session), task: layer(task) },
        }).attemptsPerItem;
        expect(found.value).toBe(task ?? session ?? global ?? defaults.attemptsPerItem);
        const from =
          (task && "task") ?? (session && "session") ?? (global && "global") ?? "default";
        expect(found.from).toBe(from);
      }),
    );
  });

  it("may take back what an outer level sets", () => {
    const global = { createdAfter: "2024-01-01", excludeNames: ["*.tmp"] };
    const { values } = effectiveSettings({
      global,
      task: { createdAfter: null, excludeNames: [] },
    });
    expect(values).toEqual(defaults);
  });
});

describe("a level", () => {
  it("has only what was set, and no setting that there is not", () => {
    expect(settingsLayerSchema.parse({})).toEqual({});
    expect(settingsLayerSchema.safeParse({ scanonly: true }).success).toBe(false);
    expect(settingsLayerSchema.parse(defaults)).toEqual(defaults);
  });

  it("describes every setting for the API's document", () => {
    for (const name of SETTING_NAMES)
      expect(settingsSchema.shape[name].unwrap().description).toMatch(/\.$/);
  });
});

it("tells settings that decide about items from those that say how the work is done", () => {
  const alike = (change: Partial<Settings>) => decideAlike(defaults, { ...defaults, ...change });
  expect(alike({ parallelPackages: 1, attemptsPerItem: 9 })).toBe(true);
  expect(alike({ scanOnly: true })).toBe(false);
  expect(alike({ excludeNames: ["x"] })).toBe(false);
  expect(alike({ onConflict: "skip" })).toBe(false);
});
