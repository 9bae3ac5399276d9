import { z } from "zod";
import { extensionsProblem, globProblem } from "../rules/patterns.ts";
import { type SettingName, settingsSchema } from "./settings.ts";

/* Settings are set on several levels, each as few as it likes; the innermost one counts. */

type Shape = typeof settingsSchema.shape;
type Inner<K extends SettingName> =
  Shape[K] extends z.ZodDefault<infer T extends z.ZodType> ? T : never;
type Layer = { [K in SettingName]: z.ZodOptional<Inner<K>> };

// zod 4 applies the default of an optional field; a layer must not have what nobody set.
const layerShape = Object.fromEntries(
  Object.entries(settingsSchema.shape).map(([name, field]) => [name, field.unwrap().optional()]),
) as unknown as Layer;

/** Pairs of which the first has to be the earlier one. */
const BOUNDS = [
  ["createdAfter", "createdBefore"],
  ["modifiedAfter", "modifiedBefore"],
] as const;

/**
 * What one level sets. Unknown names are refused, so that a typing error does not pass for a setting, and so is what would have no
 * effect, or another than what is meant.
 */
export const settingsLayerSchema = z.strictObject(layerShape).superRefine((layer, context) => {
  const refuse = (path: (string | number)[], message: string | undefined) => {
    if (message !== undefined) context.addIssue({ code: "custom", path, message });
  };
  layer.excludeNames?.forEach((pattern, index) => {
    refuse(["excludeNames", index], globProblem(pattern));
  });
  layer.excludeFolders?.forEach((pattern, index) => {
    refuse(["excludeFolders", index], globProblem(pattern, true));
  });
  refuse(["excludeExtensions"], extensionsProblem(layer.excludeExtensions ?? ""));
  for (const [after, before] of BOUNDS)
    if (Date.parse(layer[after] ?? "") >= Date.parse(layer[before] ?? ""))
      refuse([before], `must be later than ${after}, or no file at all would be migrated`);
});
/** The same as it is stored and shown: what another version of the app set is passed over. */
export const storedLayerSchema = z.object(layerShape);
export type SettingsLayer = z.infer<typeof settingsLayerSchema>;

/** Where a value comes from: the innermost level that sets it. */
export const SETTING_LEVELS = ["default", "global", "session", "task"] as const;
export type SettingLevel = (typeof SETTING_LEVELS)[number];

/** Every setting with the value that counts and the level it is from. */
export const effectiveSettingsSchema = z.object(
  Object.fromEntries(
    Object.entries(settingsSchema.shape).map(([name, field]) => [
      name,
      z.object({ value: field.unwrap(), from: z.enum(SETTING_LEVELS) }),
    ]),
  ) as unknown as {
    [K in SettingName]: z.ZodObject<{
      value: Inner<K>;
      from: z.ZodEnum<{ [L in SettingLevel]: L }>;
    }>;
  },
);
export type EffectiveSettings = z.infer<typeof effectiveSettingsSchema>;

export const globalSettingsViewSchema = z.object({
  /** What is set globally. */
  settings: storedLayerSchema,
  effective: effectiveSettingsSchema,
});
export type GlobalSettingsView = z.infer<typeof globalSettingsViewSchema>;
