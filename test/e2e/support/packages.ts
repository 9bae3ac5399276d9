import { packageRows, type WrappedKey } from "./package-keys.ts";
import {
  archivesOf,
  decrypt,
  filesOf,
  type ManifestArchive,
  type ManifestContent,
  type ManifestFile,
  md5,
  readContainer,
  type StoredBlob,
  unzip,
} from "./package-reader.ts";
import type { OpenData } from "./storage.ts";

/** What SharePoint itself writes into the container of the manifests. */
const JOB_LOG = /^Import-.*\.(log|wrn|err)$/;

/** A package as it lies in storage, opened. */
export interface StoredPackage {
  containers: { data: string; manifest: string };
  key: Buffer;
  /** As it stood in the table while it was needed, and as it stands there now. */
  wrapped: string;
  left: WrappedKey | undefined;
  data: Map<string, StoredBlob>;
  manifests: Map<string, StoredBlob>;
  logs: StoredBlob[];
}

/** All packages of all rounds, but for those that nothing was to be migrated of. `keys`: those that were noted while the packages were on their way. */
export async function readPackages(
  open: OpenData,
  keys: ReadonlyMap<string, WrappedKey>,
): Promise<StoredPackage[]> {
  const found: StoredPackage[] = [];
  for (const { containers, key: left } of await packageRows(open)) {
    if (!containers) continue;
    const key = keys.get(containers.data);
    if (!key) throw new Error("the key of a package was missed");
    const clear = await open.unwrap(key.id, Buffer.from(key.wrapped, "base64"));
    const read = (name: string) => readContainer(open.blobs.getContainerClient(name), clear);
    const everything = [...(await read(containers.manifest))];
    found.push({
      ...{ containers, key: clear, wrapped: key.wrapped, left },
      data: await read(containers.data),
      manifests: new Map(everything.filter(([name]) => !JOB_LOG.test(name))),
      logs: everything.filter(([name]) => JOB_LOG.test(name)).map(([, blob]) => blob),
    });
  }
  return found;
}

export const manifestFiles = ({ manifests }: StoredPackage): ManifestFile[] =>
  filesOf(manifests.get("Manifest.xml")?.plain ?? Buffer.alloc(0));

export const archives = ({ manifests }: StoredPackage): ManifestArchive[] =>
  archivesOf(manifests.get("ArchivedFiles.xml")?.plain);

/** Reads every archive of a package: its members by name, still encrypted. */
export async function membersOf(each: StoredPackage): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for (const { name } of archives(each)) {
    const zip = each.data.get(name)?.plain ?? Buffer.alloc(0);
    for (const [member, content] of await unzip(zip)) members.set(member, content);
  }
  return members;
}

/** What a manifest names, decrypted, if IV and MD5 are as the manifest says. `members`: those of the package's archives. */
export function openContent(
  { key, data }: StoredPackage,
  members: ReadonlyMap<string, Buffer>,
  { fileValue, iv, md5: wanted }: ManifestContent,
): Buffer | undefined {
  const member = members.get(fileValue);
  if (member) return wanted === md5(member) ? decrypt(key, iv, member) : undefined;
  const blob = data.get(fileValue);
  return blob?.iv.equals(iv) && wanted === md5(blob.cipher) ? blob.plain : undefined;
}
