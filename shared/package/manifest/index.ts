import { archivedFiles } from "./archivedFiles.ts";
import { checkPackage } from "./check.ts";
import { exportSettings } from "./exportSettings.ts";
import { lookupListMap } from "./lookupListMap.ts";
import { manifest, manifestObjects, manifestParts } from "./manifest.ts";
import { requirements } from "./requirements.ts";
import { rootObjectMap } from "./rootObjectMap.ts";
import { systemData } from "./systemData.ts";
import type { PackageManifestInput } from "./types.ts";
import { packageUsers, userGroup } from "./userGroup.ts";
import { viewFormsList } from "./viewFormsList.ts";
import { xmlDocument } from "./xml.ts";

export * from "./types.ts";

/** One blob of the metadata container, plain. */
export interface ManifestBlob {
  name: string;
  xml: Buffer;
}

/** Where SharePoint's own export begins another manifest (MS docs: migration-manifest). */
const MAX_MANIFEST_BYTES = 25_000_000;

/**
 * The manifest blobs of a package for the SharePoint Migration API: always the eight it looks for, and ArchivedFiles.xml
 * when there are archives; what would be a very large Manifest.xml is split. The same input gives the same bytes.
 *
 * Items must have passed shared/rules; what is inconsistent in the package as a whole, or cannot be written in XML, throws.
 */
export function writeManifests(
  input: PackageManifestInput,
  maxManifestBytes = MAX_MANIFEST_BYTES,
): ManifestBlob[] {
  const users = packageUsers(input.users);
  checkPackage(input, users);
  const objects = manifestObjects(input);
  const parts = manifestParts(objects, maxManifestBytes);
  const names = parts.map((_, index) => `Manifest${index === 0 ? "" : index + 1}.xml`);
  const roots: [name: string, root: string][] = [
    ["ExportSettings.xml", exportSettings(input)],
    ["LookupListMap.xml", lookupListMap()],
    ...parts.map((part, index): [string, string] => [names[index] as string, manifest(part)]),
    ["Requirements.xml", requirements()],
    ["RootObjectMap.xml", rootObjectMap(input)],
    ["SystemData.xml", systemData(input, objects.length, names)],
    ["UserGroup.xml", userGroup(users)],
    ["ViewFormsList.xml", viewFormsList()],
  ];
  if (input.archives.length > 0) roots.push(["ArchivedFiles.xml", archivedFiles(input.archives)]);
  return roots.map(([name, root]) => ({ name, xml: xmlDocument(root) }));
}
