import { MAX_ARCHIVES } from "../../rules/limits.ts";
import { parentOf } from "../../rules/paths.ts";
import type { ManifestUser, PackageManifestInput } from "./types.ts";

/**
 * Throws for what is wrong with the package as a whole and SharePoint would refuse only at import: mistakes of the caller,
 * not of somebody's files. `users` are those that will be written.
 */
export function checkPackage(input: PackageManifestInput, users: readonly ManifestUser[]): void {
  const { above = [] } = input;
  const items = [...above, ...input.folders, ...input.files];
  unique("item GUID", [
    ...above.map(({ id }) => id),
    ...[...input.folders, ...input.files].flatMap(({ id, listItemId }) => [id, listItemId]),
    ...input.files.flatMap(({ history }) =>
      history ? [history.id, ...history.older.map(({ id }) => id)] : [],
    ),
  ]);
  unique(
    "item path",
    items.map(({ path }) => path),
  );
  unique("blob", blobsOf(input));
  unique(
    "permissions of item",
    (input.access ?? []).map(({ id }) => id),
  );
  unique(
    "user id",
    users.map(({ id }) => id),
  );
  // "A person only once per package": enforced since March 2022 (MS docs: migration-manifest).
  unique(
    "login",
    users.map(({ login }) => login.toLowerCase()),
  );

  checkParents(input);
  const userIds = new Set(users.map(({ id }) => id));
  const versions = input.files.flatMap(({ path, authorId, history }) =>
    (history?.older ?? []).map(({ editorId }) => ({ path, authorId, editorId })),
  );
  for (const { path, authorId, editorId } of [...items, ...versions]) {
    const unknown = [authorId, editorId].find((id) => !userIds.has(id));
    if (unknown !== undefined) {
      throw new Error(`"${path}" refers to user ${unknown}, who is not among the package's users`);
    }
  }
  const own = new Set([...input.folders, ...input.files].map(({ id }) => id));
  for (const { id, path, assignments } of input.access ?? []) {
    if (!own.has(id))
      throw new Error(`permissions for "${path}", which the package does not bring`);
    const unknown = assignments.find(({ userId }) => !userIds.has(userId));
    if (unknown) {
      throw new Error(
        `"${path}" gives rights to user ${unknown.userId}, who is not among the users`,
      );
    }
  }
  for (const { id, name, login, email } of users) {
    if (name === "" || login === "" || Math.max(name.length, login.length, email.length) > 255) {
      throw new Error(`user ${id}: name and login need 1 to 255 characters, email at most 255`);
    }
  }
  checkArchives(input);
}

/** A parent may come in another package, but one that is here must be the one its children name. */
function checkParents({ target, above = [], folders, files }: PackageManifestInput): void {
  const idAt = new Map([...above, ...folders].map(({ path, id }) => [path, id]));
  idAt.set("", target.rootFolderId);
  for (const { path, parentId } of [...above, ...folders, ...files]) {
    const expected = idAt.get(parentOf(path));
    if (expected !== undefined && expected !== parentId) {
      throw new Error(`"${path}" names ${parentId} as its parent, which is ${expected}`);
    }
  }
}

function checkArchives({
  archives,
  files,
}: Pick<PackageManifestInput, "archives" | "files">): void {
  if (archives.length > MAX_ARCHIVES) {
    throw new Error(`a package takes at most ${MAX_ARCHIVES} archives, not ${archives.length}`);
  }
  const members = archives.flatMap((archive) => archive.members);
  unique("archive member", members);
  const blobs = new Set(blobsOf({ files }));
  const stray = members.find((member) => !blobs.has(member));
  if (stray !== undefined) throw new Error(`archive member "${stray}" is no file of the package`);
}

const blobsOf = ({ files }: Pick<PackageManifestInput, "files">): string[] =>
  files.flatMap(({ fileValue, history }) => [
    fileValue,
    ...(history?.older ?? []).map((version) => version.fileValue),
  ]);

function unique(what: string, values: readonly (string | number)[]): void {
  const seen = new Set<string | number>();
  for (const value of values) {
    if (seen.has(value)) throw new Error(`${what} "${value}" occurs twice in the package`);
    seen.add(value);
  }
}
