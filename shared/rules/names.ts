import type { ErrorCode } from "../contracts/errors.ts";
import { MAX_NAME_LENGTH } from "./limits.ts";

/** Why SharePoint would not take an item. */
export type RuleCode = Extract<
  ErrorCode,
  | "NAME_INVALID_CHARACTERS"
  | "NAME_RESERVED"
  | "NAME_LEADING_OR_TRAILING_SPACE"
  | "NAME_TRAILING_PERIOD"
  | "NAME_TOO_LONG"
  | "NAME_NOT_UNICODE"
  | "PATH_TOO_LONG"
  | "FILE_TOO_LARGE"
  | "TIME_NOT_SUPPORTED"
>;

/** One broken rule. `message` is for people and names what to change; it never repeats the name itself. */
export interface RuleViolation {
  code: RuleCode;
  message: string;
}

/** Where a name is going to stand. `atLibraryRoot`: its parent is the root folder of the destination library. */
export interface NamePlace {
  isFolder: boolean;
  atLibraryRoot: boolean;
}

/**
 * Undefined when SharePoint Online accepts `name` as the name of one file or folder, otherwise the first rule it breaks.
 *
 * Source: Microsoft's support article "Restrictions and limitations in OneDrive and SharePoint"; control characters, DEL
 * and the trailing period come from practice (rclone's OneDrive documentation lists what it must encode). The article says
 * "spaces" only; OneDrive for work refuses the ideographic space at an end as well (OneDrive/onedrive-api-docs#1488), so
 * every Unicode space counts, and of the controls those above DEL (U+0085 is a space to .NET). SharePoint Online takes `#`, `%`, `~` inside a name, a leading period, and any script.
 */
export function checkName(name: string, place: NamePlace): RuleViolation | undefined {
  if (!name.isWellFormed()) {
    return refuse(
      "NAME_NOT_UNICODE",
      "the name is not valid Unicode (it holds half of a surrogate pair)",
    );
  }
  if (name === "" || name === "." || name === "..") {
    return refuse("NAME_RESERVED", 'an empty name, "." and ".." do not name an item');
  }
  const bad = name.match(INVALID_CHARACTER)?.[0];
  if (bad !== undefined) {
    return refuse(
      "NAME_INVALID_CHARACTERS",
      `SharePoint does not allow ${describe(bad)} in a name`,
    );
  }
  if (SPACE_AT_AN_END.test(name)) {
    return refuse("NAME_LEADING_OR_TRAILING_SPACE", "the name starts or ends with a space");
  }
  if (name.endsWith(".")) {
    return refuse("NAME_TRAILING_PERIOD", "the name ends with a period");
  }
  const reserved = reservedBecause(name, place);
  if (reserved !== undefined) {
    return refuse("NAME_RESERVED", reserved);
  }
  if (name.length > MAX_NAME_LENGTH) {
    return refuse(
      "NAME_TOO_LONG",
      `the name has ${name.length} characters, SharePoint takes ${MAX_NAME_LENGTH}`,
    );
  }
  return undefined;
}

/**
 * Whether a folder name ends like the companion folder of a saved web page ("report_files"). SharePoint used to refuse
 * these (thicket folders) and some interfaces still hide or refuse them on rename: worth a warning in a scan, not a
 * refusal. The suffixes are those that Windows knows in its languages (MS docs: Windows shell, "Connected Files").
 */
export function isThicketFolder(name: string): boolean {
  return THICKET_SUFFIX.test(name);
}

// U+FFFE and U+FFFF are no XML 1.0 characters, so a manifest cannot carry them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what SharePoint refuses
const INVALID_CHARACTER = /["*:<>?/\\|\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;

const SPACE_AT_AN_END = /^\s|\s$/;

/**
 * Whole names, compared without case. Microsoft lists the device names bare, and we refuse only these: for "CON.txt"
 * sources disagree (one sync client reports that OneDrive refuses it: abraunegg/onedrive#3661), so SharePoint itself
 * answers, per item, at import.
 */
const RESERVED_NAME = /^(?:\.lock|desktop\.ini|con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;

const THICKET_SUFFIX = new RegExp(
  `(?:\\.files|[-_]dateien|-filer|_(?:${[
    ...["archivos", "arquivos", "bestanden", "bylos", "datoteke", "dosyalar", "elemei", "failid"],
    ...["fails", "fajlovi", "ficheiros", "fichiers", "file", "files", "fitxategiak", "fitxers"],
    ...["pliki", "soubory", "tiedostot"],
  ].join("|")}))$`,
  "i",
);

function reservedBecause(name: string, { isFolder, atLibraryRoot }: NamePlace): string | undefined {
  if (RESERVED_NAME.test(name)) return "SharePoint reserves this name";
  if (name.startsWith("~$"))
    return 'SharePoint reserves names that start with "~$" (lock files of Office)';
  if (/_vti_/i.test(name)) return 'SharePoint reserves names that contain "_vti_"';
  if (isFolder && name.startsWith("~"))
    return 'SharePoint refuses folder names that start with "~"';
  // The article speaks of a folder; a file of that name would meet the hidden Forms folder every library has.
  if (atLibraryRoot && /^forms$/i.test(name))
    return 'SharePoint keeps "Forms" at the root of a library for itself';
  return undefined;
}

function describe(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0x20 && code < 0x7f
    ? `the character ${character}`
    : `the character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function refuse(code: RuleCode, message: string): RuleViolation {
  return { code, message };
}
