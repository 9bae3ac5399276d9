import type {
  EffectiveSettings,
  SettingLevel,
  SettingsLayer,
} from "../../shared/contracts/settingLevels.ts";
import { SETTING_NAMES, type Settings, settingsSchema } from "../../shared/contracts/settings.ts";

/** The session that all scans on their own belong to. It has no row: nobody makes tasks in it otherwise. */
export const SCANS = "scans";

export interface SettingsOfLevels {
  global?: SettingsLayer | undefined;
  session?: SettingsLayer | undefined;
  task?: SettingsLayer | undefined;
}

/** The values that count, the innermost level first, and which level each is from. */
export function effectiveSettings({ global, session, task }: SettingsOfLevels): {
  values: Settings;
  origin: Record<keyof Settings, SettingLevel>;
} {
  const levels: [SettingLevel, SettingsLayer | undefined][] = [
    ["task", task],
    ["session", session],
    ["global", global],
    ["default", settingsSchema.parse({})],
  ];
  const values: Record<string, unknown> = {};
  const origin: Record<string, SettingLevel> = {};
  for (const name of SETTING_NAMES)
    for (const [level, layer] of levels) {
      if (layer?.[name] === undefined) continue;
      values[name] = layer[name];
      origin[name] = level;
      break;
    }
  return { values: values as Settings, origin: origin as Record<keyof Settings, SettingLevel> };
}

/** The same for people: every setting with its value and where that is from. */
export function explainSettings(levels: SettingsOfLevels): EffectiveSettings {
  const { values, origin } = effectiveSettings(levels);
  return Object.fromEntries(
    SETTING_NAMES.map((name) => [name, { value: values[name], from: origin[name] }]),
  ) as EffectiveSettings;
}

/** Settings that say how the work is done, not what becomes of an item. */
const TUNING = new Set<keyof Settings>([
  ...(["attemptsPerItem", "parallelPackages", "packageItems", "packageBytes"] as const),
  ...([
    "archiveSmallFiles",
    "verifyEveryItem",
    "nominalDestination",
    "syncRoot",
    "reportDays",
  ] as const),
]);

/** Whether items fare the same under both: a round that was begun under the one can go on under the other. */
export const decideAlike = (one: Settings, other: Settings): boolean =>
  SETTING_NAMES.every(
    (name) => TUNING.has(name) || JSON.stringify(one[name]) === JSON.stringify(other[name]),
  );
