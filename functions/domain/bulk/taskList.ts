import type { BulkProblem } from "../../../shared/contracts/bulk.ts";
import type { SettingsLayer } from "../../../shared/contracts/settingLevels.ts";
import { suggestion } from "../fields/nearest.ts";
import { type BulkFile, type Draft, nameOf, type Remark } from "./bulkFile.ts";

/**
 * The JSON of Migration Manager and of the SharePoint Migration Tool (MS docs: mm-bulk-upload-format-csv-json,
 * Add-SPMTTask): `Tasks[]` with paths and settings. The documentation's own example has a comma too many, so those are forgiven.
 */
const FIELDS: Record<string, string> = {
  source: "SourcePath",
  name: "SourcePath",
  "destination.siteUrl": "TargetPath",
  "destination.library": "TargetList",
  "destination.folder": "TargetListRelativePath",
};
const KNOWN = new Set([...Object.values(FIELDS), "Settings"]);

export function readTaskList(text: string): BulkFile {
  const format = "migration-manager-json";
  const refused = (message: string, fix: string, row = 0): BulkFile => ({
    ...{ format, drafts: [] },
    problems: [{ row, column: "", value: "", message, fix }],
  });
  let json: unknown;
  try {
    json = JSON.parse(withoutTrailingCommas(text.replace(/^\ufeff/, "")));
  } catch (error) {
    const { message } = error as Error;
    return refused(`the file is not JSON: ${message}`, "Correct the place that the message names.");
  }
  const tasks = (json as { Tasks?: unknown } | null)?.Tasks;
  if (!Array.isArray(tasks))
    return refused('there is no list "Tasks"', 'Write the tasks as { "Tasks": [ … ] }.');
  const problems: BulkProblem[] = [];
  const drafts = tasks.flatMap((task: unknown, index) => {
    if (isObject(task)) return [draftOf(index + 1, task)];
    problems.push({
      ...{ row: index + 1, column: "", value: shown(task), message: "is not a task" },
      fix: "Write each task as { … }.",
    });
    return [];
  });
  return { format, drafts, problems };
}

/** The same JSON without commas before a closing bracket; what stands in strings stays. */
function withoutTrailingCommas(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])/g, (match) => (match === "," ? "" : match));
}

const shown = (value: unknown): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

function draftOf(row: number, task: Record<string, unknown>): Draft {
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  const textOf = (key: string): string => {
    const value = task[key] ?? "";
    if (typeof value === "string") return value.trim();
    problems.push({
      ...{ column: key, value: shown(value), message: "is not text" },
      fix: "Write the value between double quotes.",
    });
    return "";
  };
  for (const key of Object.keys(task))
    if (!KNOWN.has(key))
      warnings.push({
        ...{ column: key, value: shown(task[key]), message: "is not used for file shares" },
        fix: `Leave it out${suggestion(key, [...KNOWN]) || "."}`,
      });
  const source = textOf("SourcePath");
  const settings = settingsOf(task.Settings, problems, warnings);
  return {
    row,
    task: {
      name: nameOf(source),
      source,
      destination: {
        siteUrl: textOf("TargetPath"),
        library: textOf("TargetList"),
        folder: textOf("TargetListRelativePath"),
      },
      ...(settings && { settings }),
    },
    problems,
    warnings,
    origin: (field) => {
      if (field.startsWith("settings.")) {
        const name = field.split(".")[1] ?? "";
        const given = task.Settings as Record<string, unknown>;
        const [key] = Object.entries(SETTINGS).find(
          ([key, each]) =>
            each.name === name && isGiven(given[key]) && each.read(given[key], given) !== undefined,
        ) ?? [name];
        return { column: `Settings.${key}`, value: shown(given[key]) };
      }
      const column = FIELDS[field] ?? field;
      return { column, value: shown(task[column]) };
    },
  };
}

interface Mapped {
  /** Our setting. */
  name: keyof SettingsLayer;
  /** `all` are their settings, of which two may be about the same. Undefined where it does not say what ours is to be. */
  read(value: unknown, all: { [theirs: string]: unknown }): unknown;
  /** What of the value is not done, if anything. */
  lost?(value: unknown): string | undefined;
}

const asIs = (value: unknown) => value;
const asBoolean = (value: unknown) =>
  typeof value === "string" && /^(true|false)$/i.test(value)
    ? value.toLowerCase() === "true"
    : value;

/** What fileVersions takes. */
const MAX_VERSIONS = 50;

const isGiven = (value: unknown) => value !== undefined && value !== null && value !== "";
const asNumber = (value: unknown) =>
  typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;

const SETTINGS: Record<string, Mapped> = {
  // Of theirs, the one says whether and the other how many; without a number, or with 0, it is all of them.
  MigrateFileVersionHistory: {
    name: "fileVersions",
    read: (value, { KeepFileVersions }) => {
      const wanted = asBoolean(value);
      if (wanted === false) return 0;
      if (wanted !== true) return value;
      const isCounted = isGiven(KeepFileVersions) && asNumber(KeepFileVersions) !== 0;
      return isCounted ? undefined : MAX_VERSIONS;
    },
  },
  KeepFileVersions: {
    name: "fileVersions",
    read: (value, { MigrateFileVersionHistory: history }) => {
      const count = asNumber(value);
      if (isGiven(history) && (asBoolean(history) !== true || count === 0)) return undefined;
      return typeof count === "number" ? Math.min(count, MAX_VERSIONS) : value;
    },
    lost: (value) =>
      Number(value) > MAX_VERSIONS ? `at most ${MAX_VERSIONS} versions are brought` : undefined,
  },
  MigrateHiddenItems: { name: "migrateHidden", read: asBoolean },
  MigrateItemsCreatedAfter: { name: "createdAfter", read: asIs },
  MigrateItemsModifiedAfter: { name: "modifiedAfter", read: asIs },
  SkipFilesWithExtensions: { name: "excludeExtensions", read: asIs },
  PreservePermission: { name: "preservePermissions", read: asBoolean },
  EnableAzureDirectoryLookup: { name: "lookupUsers", read: asBoolean },
  FilterOutPathSpecialCharacters: {
    name: "invalidCharacters",
    read: (value) => {
      const filter = asBoolean(value);
      return typeof filter === "boolean" ? (filter ? "skip" : "try") : value;
    },
  },
};

/** Settings of theirs that we have no counterpart for, and why that is. */
const WITHOUT_EFFECT: Record<string, string> = {
  EnableIncremental: "every round after the first is incremental",
  MigrateOneNoteNotebook: "notebooks are migrated as the folders and files that they are",
  MigrateAllWebStructures: "file shares have no site structure",
  SkipListWithAudienceEnabled: "file shares have no lists",
  UserMappingCSVFile: "PUT v1/user-map takes the file, for all sessions",
  UseCustomAzureStorage: "the deployment says which storage is used",
  CustomAzureStorageAccount: "the deployment says which storage is used",
  CustomAzureAccessKey: "the deployment says which storage is used; take the key out of the file",
  CustomAzureDeletionAfterMig: "temporary storage is always removed",
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function settingsOf(
  given: unknown,
  problems: Remark[],
  warnings: Remark[],
): SettingsLayer | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isObject(given)) {
    problems.push({
      ...{ column: "Settings", value: shown(given), message: "is not an object" },
      fix: 'Write the settings as { "MigrateHiddenItems": true }.',
    });
    return undefined;
  }
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const mapped = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined;
    if (mapped) {
      const read = isGiven(value) ? mapped.read(value, given) : undefined;
      if (read === undefined) continue;
      settings[mapped.name] = read;
      const message = mapped.lost?.(value);
      const fix = `Write ${MAX_VERSIONS}.`;
      if (message) warnings.push({ column: `Settings.${key}`, value: shown(value), message, fix });
      continue;
    }
    const reason = Object.hasOwn(WITHOUT_EFFECT, key) ? WITHOUT_EFFECT[key] : undefined;
    warnings.push({
      column: `Settings.${key}`,
      // It may be a storage account's key.
      value: /key/i.test(key) ? "" : shown(value),
      message: reason ? `has no effect: ${reason}` : "has no effect: it is not supported",
      fix: "Leave it out, or set what you want with PATCH v1/tasks/{task} afterwards.",
    });
  }
  return Object.keys(settings).length > 0 ? (settings as SettingsLayer) : undefined;
}
