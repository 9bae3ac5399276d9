import type { StoredContent, UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { versionId } from "../../../shared/package/ids.ts";
import type {
  ListedVersions,
  ManifestAncestor,
  ManifestContent,
  ManifestFile,
  ManifestFolder,
  PackageManifestInput,
} from "../../../shared/package/manifest/index.ts";
import { parentOf } from "../../../shared/rules/paths.ts";
import { ownAccess } from "../people/ownAccess.ts";
import { NOBODY, type Owned, type PackagePeople } from "../people/packagePeople.ts";
import type { Target } from "../records.ts";
import { idsOf, placeInLibrary } from "./places.ts";
import type { Plan, PlanItem } from "./plan.ts";

export type UploadedContent = Extract<UploadedFile, { status: "uploaded" }>;

/** What of the plan is really in the package: all its folders, and the files whose content was uploaded. */
export function sealedItems(
  plan: Plan,
  upload: UploadResult | undefined,
): { folders: PlanItem[]; files: { item: PlanItem; content: UploadedContent }[] } {
  const contents = new Map<number, UploadedContent>();
  for (const file of upload?.files ?? [])
    if (file.status === "uploaded") contents.set(file.index, file);
  const folders: PlanItem[] = [];
  const files: { item: PlanItem; content: UploadedContent }[] = [];
  plan.items.forEach((item, index) => {
    if (item.action !== "migrate") return;
    const content = contents.get(index);
    if (item.kind === "folder") folders.push(item);
    else if (content) files.push({ item, content });
  });
  return { folders, files };
}

/**
 * The manifests' input; `startedAt` is when the round began, in milliseconds since 1970. Every folder between the library's root and an item is in it: those of the task's destination
 * folder, those above the segment, those that an earlier round migrated, and the segment's own.
 */
export function packageManifest(
  plan: Plan,
  upload: UploadResult | undefined,
  target: Target,
  {
    source,
    startedAt,
    people = NOBODY,
    listedVersions,
  }: {
    source: string;
    startedAt: number;
    people?: PackagePeople;
    listedVersions?: ListedVersions;
  },
): PackageManifestInput {
  const { folders, files } = sealedItems(plan, upload);
  const folderIds = new Map<string, string>([["", target.rootFolderId]]);
  const by = (item: Owned) => {
    const id = people.authorOf(item);
    return { authorId: id, editorId: id };
  };
  const accessOf = ownAccess(plan);
  const above: ManifestAncestor[] = [];
  const place = (path: string, id: string) => {
    folderIds.set(path, id);
    return { id, path, parentId: folderIds.get(parentOf(path)) ?? target.rootFolderId };
  };

  for (const { path, id } of target.folders) {
    const known = place(path, id ?? idsOf({ ...target, folders: [] }, path).id);
    // What exists already is left as it is; what does not comes with the round.
    if (!id) above.push({ ...known, created: startedAt, modified: startedAt, ...by({}) });
  }
  const needed = foldersAbove([...folders, ...files.map(({ item }) => item)]);
  for (const folder of plan.above) {
    if (!needed.has(folder.path)) continue;
    const { id, created, modified, adopted } = folder;
    const at = place(placeInLibrary(target, folder), id);
    if (!adopted) above.push({ ...at, created, modified, ...by(folder) });
  }

  const own: ManifestFolder[] = [];
  const ownPaths = new Set<string>();
  for (const item of plan.items) {
    if (item.kind !== "folder" || !item.id || item.action === "fail") continue;
    if (item.action !== "migrate" && !needed.has(item.path)) continue;
    const { created, modified } = item;
    const known = place(placeInLibrary(target, item), item.id);
    if (item.adopted) continue;
    const at = { ...known, created, modified, ...by(item) };
    // The folders above are written first, so what lies below one of our own goes with these.
    if (item.action === "migrate" || ownPaths.has(parentOf(item.path))) {
      ownPaths.add(item.path);
      own.push({ ...at, ...listItem(item) });
    } else above.push(at);
  }
  return {
    target,
    sourceLocation: source,
    above,
    folders: own,
    files: files.map(({ item, content }): ManifestFile => {
      const path = placeInLibrary(target, item);
      return {
        id: item.id as string,
        ...listItem(item),
        path,
        parentId: folderIds.get(parentOf(path)) ?? target.rootFolderId,
        created: item.created,
        modified: content.modified,
        ...by(item),
        ...stored(content),
        ...historyOf(item.id as string, content, by(item).editorId),
      };
    }),
    users: people.users,
    access: [...folders, ...files.map(({ item }) => item)].flatMap((item) => {
      const assignments = people.assignmentsOf({ access: accessOf(item) });
      const path = placeInLibrary(target, item);
      return assignments ? [{ id: item.id as string, path, assignments }] : [];
    }),
    archives: (upload?.archives ?? []).map(({ name, checksum }) => ({
      name,
      checksum,
      members: files
        .flatMap(({ content }) => [content, ...(content.versions ?? [])])
        .filter(({ archive }) => archive === name)
        .map(({ blob }) => blob),
    })),
    ...(listedVersions && { listedVersions }),
  };
}

const stored = ({ size, blob, md5, iv, checksum }: StoredContent): ManifestContent => ({
  ...{ size, fileValue: blob, md5, iv },
  ...(checksum !== undefined && { checksum }),
});

/** Who wrote an older version no snapshot tells, so it is who stands for the current one. */
function historyOf(
  id: string,
  content: UploadedContent,
  editorId: number,
): Pick<ManifestFile, "history"> {
  const { versions = [] } = content;
  if (versions.length === 0) return {};
  const older = versions.map((version) => ({
    ...{ id: versionId(id, version), modified: version.modified, editorId },
    ...stored(version),
  }));
  return { history: { id: versionId(id, content), older } };
}

const listItem = (item: PlanItem) => ({
  listItemId: item.listItemId as string,
  intId: item.intId as number,
});

function foldersAbove(items: readonly PlanItem[]): Set<string> {
  const paths = new Set<string>();
  for (const { path } of items)
    for (let at = parentOf(path); at && !paths.has(at); at = parentOf(at)) paths.add(at);
  return paths;
}
