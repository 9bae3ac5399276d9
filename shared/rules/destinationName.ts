import type { Settings } from "../contracts/settings.ts";
import type { RuleCode } from "./names.ts";

/** The settings that decide what an item is called at the destination. */
export type NameSettings = Pick<Settings, "invalidCharacters" | "replacementCharacter">;

/** Gives the name at the destination for one name of the source. */
export type NameMapping = (name: string) => string;

/**
 * What names become at the destination: themselves, unless invalid characters are replaced. Then every character that
 * SharePoint refuses anywhere, every space at either end and every period at the end becomes the replacement, one for one, so
 * that no name grows. Reserved names stay what they are, and are refused.
 */
export function nameMapping({
  invalidCharacters,
  replacementCharacter,
}: NameSettings): NameMapping {
  if (invalidCharacters !== "replace") return (name) => name;
  const replaced = (run: string) => replacementCharacter.repeat(run.length);
  return (name) =>
    name
      .replace(ANYWHERE, replaced)
      .replace(/^\s+/, replaced)
      .replace(/[\s.]+$/, replaced);
}

/** The last name of a source path, in either spelling ("\\\\fs01\\finance\\", "/srv/finance"), as the destination has it. */
export function rootFolderName(source: string, settings: NameSettings): string {
  const isWindows = /^(?:\\\\|[A-Za-z]:)/.test(source);
  const name =
    source
      .split(isWindows ? /[\\/]+/ : "/")
      .filter(Boolean)
      .at(-1) ?? "";
  // The root of a drive has a letter and no name.
  return nameMapping(settings)(isWindows ? name.replace(/^([A-Za-z]):$/, "$1") : name);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what SharePoint refuses
const ANYWHERE = /["*:<>?/\\|\u0000-\u001f\u007f-\u009f\ufffe\uffff]+/g;

/** The rules that replacing characters can satisfy, and that SharePoint may be asked about by trying. */
const ABOUT_CHARACTERS = new Set<RuleCode>([
  "NAME_INVALID_CHARACTERS",
  "NAME_LEADING_OR_TRAILING_SPACE",
  "NAME_TRAILING_PERIOD",
]);

/** Whether a refused name may be sent all the same. XML 1.0 has no room for most control characters: they are never tried. */
export const mayBeTried = (code: RuleCode, name: string): boolean =>
  ABOUT_CHARACTERS.has(code) && !NEVER.test(name);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what SharePoint refuses
const NEVER = /[\u0000-\u001f\ufffe\uffff]/;
