import { z } from "zod";
import { upnSchema } from "./people.ts";

/**
 * A point in time that bounds what is migrated: a day ("2024-06-01", its midnight UTC) or an instant with its zone. `null`: no
 * bound, which a task may need to say when its session has one.
 */
const boundSchema = z.union([z.iso.date(), z.iso.datetime({ offset: true }), z.null()], {
  error: 'must be a day like "2024-06-01", an instant with its zone, or null',
});

const patternsSchema = z.array(z.string().trim().max(255)).max(100);

/** `.snapshots/<any>/snapshot` with "*" for <any>: names, of which one after the first is "*" and stands for the name of every snapshot. */
const snapshotFolderSchema = z
  .string()
  .trim()
  .max(255)
  .refine((text) => text === "" || isSnapshotPattern(text), {
    error:
      'must be a relative path with "/" between the names, without "." and "..", of which one after the first is "*"',
  });

function isSnapshotPattern(text: string): boolean {
  const [first = "", ...rest] = text.split("/");
  const isName = (name: string) => !/^\.{0,2}$|[*\\:\p{Cc}]/u.test(name);
  return (
    isName(first) &&
    rest.filter((name) => name === "*").length === 1 &&
    rest.every((name) => name === "*" || isName(name))
  );
}

/**
 * Every setting with its default, for all levels: what the administrator sets globally, for a session or for a task. Each
 * level stores only what it sets itself (`settingsLayerSchema`); a round keeps the values it began with.
 */
export const settingsSchema = z.object({
  scanOnly: z
    .boolean()
    .describe(
      "Only scan: the round says for every item what would become of it, and migrates nothing.",
    )
    .default(false),

  // Which items
  migrateHidden: z
    .boolean()
    .describe(
      "Migrate hidden files and folders: names that begin with a period, and what the agent reports as hidden.",
    )
    .default(true),
  createdAfter: boundSchema
    .describe("Leave out files that were created before this moment.")
    .default(null),
  createdBefore: boundSchema
    .describe("Leave out files that were created at this moment or later.")
    .default(null),
  modifiedAfter: boundSchema
    .describe("Leave out files that were last modified before this moment.")
    .default(null),
  modifiedBefore: boundSchema
    .describe("Leave out files that were last modified at this moment or later.")
    .default(null),
  excludeExtensions: z
    .string()
    .trim()
    .max(4_000)
    .describe(
      'Leave out files with these extensions: "TXT:EXE:JPEG", in any case; of "a.tar.gz" only "gz" counts.',
    )
    .default(""),
  excludeNames: patternsSchema
    .describe(
      'Leave out files and folders by glob, in any case: "*.tmp" is compared with the name, "Old/**" (with a slash) with the path below the source; "\\[" means the character itself.',
    )
    .default([]),
  excludeFolders: patternsSchema
    .describe(
      'Leave out folders of these names at any depth, in any case, with everything in them; globs ("backup*") are allowed.',
    )
    .default([]),

  // What they are called, and where they go
  invalidCharacters: z
    .enum(["skip", "replace", "try"])
    .describe(
      "Names with characters that SharePoint refuses (also leading or trailing spaces and trailing periods). skip: the item stays behind and is reported as failed; replace: by replacementCharacter; try: as it is, and SharePoint decides.",
    )
    .default("skip"),
  replacementCharacter: z
    .string()
    .length(1)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what SharePoint refuses
    .regex(/^[^"*:<>?/\\|\s.\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]$/, {
      error: "must be one character that SharePoint allows at any place of a name",
    })
    .describe("What stands in for an invalid character when invalidCharacters is replace.")
    .default("_"),
  includeRootFolder: z
    .boolean()
    .describe(
      "Make a folder at the destination that is named like the source folder, and put its contents there.",
    )
    .default(false),
  onConflict: z
    .enum(["newer", "overwrite", "skip", "fail"])
    .describe(
      "Files at the destination that no earlier round brought, or that were changed there since. newer: overwritten when the source is newer; overwrite: always; skip: never; fail: the item is reported as failed. Existing folders are used as they are.",
    )
    .default("newer"),

  // What they were before
  fileVersions: z
    .number()
    .int()
    .min(0)
    .max(50)
    .describe(
      "How many older versions of each file are brought with it, from the snapshots of the share. 0: the current content alone.",
    )
    .default(0),
  snapshotFolder: snapshotFolderSchema
    .describe(
      'Where the share keeps its snapshots: a path below the source, or below a folder above it, with "*" for the name of a snapshot, such as ".snapshot/*" or ".snapshots/*/snapshot". Empty: the usual places are looked at.',
    )
    .default(""),

  // Whose they are, and who may see them
  preserveOwner: z
    .boolean()
    .describe(
      "Show the owner of each file and folder as the person who created and changed it. Without it that is the system account.",
    )
    .default(false),
  fallbackOwner: z
    .union([z.literal(""), upnSchema])
    .describe(
      "Who stands in for an owner that nobody at the destination corresponds to, and alone may open what nobody else may be given a right to: a user principal name, or empty for the system account.",
    )
    .default(""),
  preservePermissions: z
    .boolean()
    .describe(
      "Give files and folders the permissions they have at the source, where those differ from the folder above. The library itself keeps its own.",
    )
    .default(false),
  lookupUsers: z
    .boolean()
    .describe(
      "Look for a person or group whose login is an e-mail address under that address when no row of the user map has it. Without it the map alone counts.",
    )
    .default(true),

  // How the work is done
  attemptsPerItem: z
    .number()
    .int()
    .min(1)
    .max(10)
    .describe("How often one file is tried before it counts as failed.")
    .default(3),
  parallelPackages: z
    .number()
    .int()
    .min(1)
    .max(16)
    .describe("Packages of the task that are on their way at the same time.")
    .default(6),
  packageItems: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .describe("Items of one package; SharePoint's own advice is 250.")
    .default(250),
  packageBytes: z
    .number()
    .int()
    .min(1_000_000)
    .max(10_000_000_000)
    .describe("Bytes of one package; SharePoint's own advice is 250 MB.")
    .default(250_000_000),
  archiveSmallFiles: z
    .boolean()
    .describe("Send files under 100 KB in archives: two requests instead of hundreds.")
    .default(true),

  verifyEveryItem: z
    .boolean()
    .describe(
      "Look up every imported item at the destination. Without it that is done where SharePoint's own account leaves a doubt.",
    )
    .default(false),

  reportDays: z
    .union([z.number().int().min(1).max(36_500), z.null()], {
      error: "must be a whole number of days, or null",
    })
    .describe(
      "Days after which the reports of a round are removed. null: they live as long as the task.",
    )
    .default(null),

  // What a scan reports
  nominalDestination: z
    .string()
    .regex(/^\/[^?#]*$/, "must be a server-relative path, like /sites/finance/Shared Documents")
    .max(400)
    .describe("Where a scan without a destination pretends to migrate to, to compute path lengths.")
    .default("/sites/destination/Shared Documents"),
  syncRoot: z
    .string()
    .max(260)
    .describe(
      "The folder that OneDrive syncs the library to, to find paths over 260 characters that will not sync.",
    )
    .default("C:\\Users\\firstname.lastname\\Contoso\\Site - Documents"),
});
/** All values, as a round uses them. */
export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof Settings;
export const SETTING_NAMES = Object.keys(settingsSchema.shape) as SettingName[];
