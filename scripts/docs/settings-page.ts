import { z } from "zod";
import {
  SETTING_NAMES,
  type SettingName,
  settingsSchema,
} from "../../shared/contracts/settings.ts";

/** The parts of the page, each with the settings it has; those that are not named here say how the work is done. */
const PARTS: [string, SettingName[]][] = [
  ["What a round does", ["scanOnly"]],
  [
    "Which items",
    [
      ...(["migrateHidden", "createdAfter", "createdBefore", "modifiedAfter"] as const),
      ...(["modifiedBefore", "excludeExtensions", "excludeNames", "excludeFolders"] as const),
    ],
  ],
  [
    "What they are called, and where they go",
    ["invalidCharacters", "replacementCharacter", "includeRootFolder", "onConflict"],
  ],
  ["What they were before", ["fileVersions", "snapshotFolder"]],
  [
    "Whose they are, and who may see them",
    ["preserveOwner", "fallbackOwner", "preservePermissions", "lookupUsers"],
  ],
  ["How the work is done", []],
  ["What is reported", ["nominalDestination", "syncRoot", "reportDays"]],
];

/** docs/settings.md, made from the schema of the settings. */
export function settingsPage(): string {
  const others = SETTING_NAMES.filter((name) => !PARTS.some(([, names]) => names.includes(name)));
  const parts = PARTS.map(
    ([title, names]) => `## ${title}\n\n${table(names.length > 0 ? names : others)}`,
  );
  return `# Settings

Every setting can be given globally (\`PUT v1/settings\`), for a session and for a task. The innermost level that sets it counts;
tasks show each value with the level it is from (\`effective\`). A round keeps the values it began with: what is changed later
counts from the next round on. A failed round that is run again goes on as it was, unless the change decides about items; then
a new round begins.

This page is written by \`npm run docs\` from \`shared/contracts/settings.ts\`.

${parts.join("\n")}
## How filters work

Everything is scanned, and every item has its row in the reports: what a filter leaves out is \`Skipped\` with a code that names the
filter (\`FILTERED_NAME\`), and so is everything in a folder that is left out. All filters have to let an item pass. What an earlier
round has migrated stays where it is, and is known again when the filter is gone.

* Upper and lower case make no difference.
* A pattern without a slash is compared with the name, one with a slash with the path below the source: \`*.tmp\`, \`~*\`,
  \`Projects/*/cache/**\`, \`{Thumbs.db,*.bak}\`.
* Times are those of files; folders are never left out by time. "After" includes the moment, "before" does not.
* Hidden are names that begin with a period. The hidden attribute of Windows cannot be read by the agent's runtime
  (Node.js), so on Windows shares nothing else counts as hidden.

## Names that SharePoint refuses

\`invalidCharacters\` is about \`" * : < > ? / \\ |\`, control characters, spaces at either end and periods at the end. Reserved names
(\`CON\`, \`~$report.docx\`, \`_vti_\`, …), names over 255 and paths over 400 characters are refused in any case.

* **skip**: the item stays behind, and is reported as failed with its reason.
* **replace**: each of these characters becomes \`replacementCharacter\`. Reports show both names. When two items of a folder would
  get the same name, the one whose name is valid keeps it; the other is reported with \`NAME_COLLISION\`. What has arrived keeps
  the name it arrived under, whatever the setting says later.
* **try**: the name is sent as it is and SharePoint decides about each item. SharePoint blocks a package with more than 100 errors,
  so at most 90 such items are tried in one package; the rest is reported with \`TOO_MANY_INVALID_NAMES\`. Most control characters
  are never tried, because a manifest cannot carry them.

## What is at the destination already

Folders of the same name, in any case, are used as they are. For files, \`onConflict\` decides whenever the destination has something
else than what an earlier round brought: somebody's own file, or ours with later changes. Nobody's newer work is overwritten
unless that is asked for. A file that is overwritten is replaced with its versions. What a task before this one has brought, and
nobody changed, is known from then on. Longshore looks at folders that were there before the round, once each.

## Versions from snapshots

With \`fileVersions\` files come with up to so many older versions, out of the snapshots that the file server keeps of the share. The agent
looks for \`.snapshot/*\` and \`~snapshot/*\` (NetApp), \`.zfs/snapshot/*\` (ZFS) and \`.snapshots/*/snapshot\` (snapper), in the source and in the folders above it
that it may read; the nearest place counts that has the source in any of its snapshots. \`snapshotFolder\` names another place in the same way.

* A version is a content of the same path that differs in size or modified time and is older than the current one. The newest
  come, oldest first, as versions 1.0, 2.0, …, and the current content after them; each with its own modified time. Who wrote them no
  snapshot says: they are by whoever the file is by.
* A version that cannot be read, or has vanished with its snapshot, does not keep its file back. The file is \`Migrated\`, its row says which
  versions did not come (\`VERSION_NOT_READ\`), and so does its item in the API, beside how many came (\`versions\`).
* Snapshots with date and time in their names (\`hourly.2026-03-01_0305\`), and snapper's, cost a scan little: what is the same in two of
  them is not looked for in those between. Of other names (\`hourly.0\`) nobody knows when they were taken; each of those costs one look per file.
* Are there no snapshots, files come as they are, and the round says so: \`NO_SNAPSHOTS\` is among the \`warnings\` of the round and in \`Warnings_R0.csv\`.
* Sizes and sums are those of the files as they are now. Each version counts as an item, and with its bytes, for how large a package gets, and all
  versions of a file travel in the same package. Twenty versions of everything are up to twenty times the upload.
* A file that changes is brought again with the versions that there are by then. SharePoint replaces the whole history, so what has left the
  snapshots meanwhile leaves the history, too, and so do versions that people have made at the destination. A file that does not
  change is not looked at again, also when \`fileVersions\` is raised later.
* The library keeps as many versions as its own settings allow. With versioning off it keeps none, and the round warns of it (\`VERSIONING_OFF\`).
* A snapshot ends with its file system. Are folders of the source datasets or volumes of their own, files in them come without older
  versions, and the round warns of it; make each the source of a task.
* Windows' "previous versions" (VSS shadow copies) are not read: they are no folders, and Node.js cannot list them. Neither are snapshots that
  cannot be reached through the file system of the share. Files that are in snapshots only are not migrated.
* Folders of snapshots inside a source are not documents: they are \`Skipped\` as \`SNAPSHOT_FOLDER\`, whatever \`fileVersions\` says.

[ADR 5](adr/0005-versions.md) says what of this has yet to be seen on a tenant.

## Owners and permissions

Without \`preserveOwner\` everything is by the system account, and without \`preservePermissions\` everything has the permissions of the
folder it lands in. Who people and groups of the source are at the destination is decided in this order:

1. a row of the **user map** (\`GET\` and \`PUT v1/user-map\`), the file that Migration Manager takes: CSV without a header, with the
   login at the source, the principal name at the destination, and \`TRUE\` for a group or \`FALSE\` for a person. A row
   \`@old.local,@contoso.com,FALSE\` maps everybody of a domain, with people and groups alike. Groups are named by address or object id.
2. with \`lookupUsers\`, a login that is an address is looked for under that address.

SharePoint is asked for each of them once in a round. Whoever it does not know, or nobody maps, is in
\`UserNotMapped_R0.csv\` with the reason, the number of items and the consequence; no item fails because of that. An owner who is nobody is
replaced by \`fallbackOwner\`, else by the system account; a right of somebody who is nobody is left out. **An item none of whose rights
can be mapped is closed**: it gets permissions of its own, and only \`fallbackOwner\`, else nobody but the administrators of the site
collection, can open it. To inherit those of its folder would open it to more people than at the source. Let a scan (\`scanOnly\`) write
the report first. It asks SharePoint nothing, so it names who is missing from the map, not who is missing at SharePoint.

* Permissions are written for items whose rights are not those of the folder above them at the source. The items at the top of the
  source always say theirs, because the library and the task's destination folder never get those of the source: what is there
  already is not touched. SharePoint advises at most 5,000 such items in one library and allows 50,000; the assessment warns.
* An item's rights at the source take the place of everything it would inherit, site owners included; administrators of the
  site collection always have access. Read becomes Read, write Contribute, full control Full Control.
* Permissions travel with their items: what has arrived and does not change keeps those it has, whatever changes at the source.
* Agents on Linux and macOS know the owner, and the rights of owner and group by the mode bits; names come from the machine's
  directory (\`getent\`; macOS has none, so there are numbers, like \`uid:501\`, which the user map can name). Rights of everybody else name
  nobody and are left out, and so are POSIX access lists: where an item has one, the group's mode bits are its mask, which may be more
  than the group itself has. Without the right to read there is none. Executing a file is nothing that SharePoint knows.
* Agents on Windows do not read owners and permissions: Node.js has no access to them. Both settings have no effect there.
* The map is one for all sessions. A round keeps the one it began with; resumed, it takes the one of that moment.

## Scans

A scan on its own (\`POST v1/scans\`) needs a source only. Without a destination, paths are measured as if they went to
\`nominalDestination\`. Its assessment, and that of every other round, is in the reports (\`Assessment_R0.json\` and \`.csv\`, and
\`LongPaths_R0.csv\` with every path over 300 characters, or over 260 below \`syncRoot\`). A source is

* **Error** when the scan failed, or when it has items and issues keep back all of them,
* **Warning** when issues keep back some items, or some will have one at the destination,
* **Ready** otherwise. What settings leave out is no issue.
`;
}

function table(names: readonly SettingName[]): string {
  const rows = names.map((name) => {
    const field = settingsSchema.shape[name];
    const schema = z.toJSONSchema(field, { io: "input" });
    const { description = "" } = field.unwrap();
    return `| \`${name}\` | ${valuesOf(schema)} | ${inCode(JSON.stringify(schema.default))} | ${inMarkdown(description)} |`;
  });
  return ["| setting | values | default | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function valuesOf(schema: z.core.JSONSchema.BaseSchema): string {
  const [first, ...others] = schema.anyOf ?? [];
  if (first && others.some(({ type }) => type === "null")) return `${valuesOf(first)}, or \`null\``;
  if (schema.enum) return schema.enum.map((value) => inCode(String(value))).join(", ");
  if (schema.format === "date") return "a day or an instant";
  if (schema.type === "boolean") return "`true`, `false`";
  if (schema.type === "integer")
    return `${Number(schema.minimum).toLocaleString("en")} to ${Number(schema.maximum).toLocaleString("en")}`;
  if (schema.type === "array") return "a list of texts";
  return schema.minLength === 1 && schema.maxLength === 1 ? "one character" : "a text";
}

const inCode = (text: string) => `\`${text}\``;
const inMarkdown = (text: string) => text.replace(/[\\`*_<>|]/g, (mark) => `\\${mark}`);
