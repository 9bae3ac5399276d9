import type { PackageManifestInput } from "./types.ts";
import { element } from "./xml.ts";

/**
 * SystemData.xml: schema version, the manifests to read, and the objects that exist at the target and stay as they are.
 * The version numbers are those of Microsoft's sample; they need not match the farm (MS docs: migration-manifest).
 */
export function systemData(
  { target }: PackageManifestInput,
  objects: number,
  manifests: readonly string[],
): string {
  return element("SystemData", { xmlns: "urn:deployment-systemdata-schema" }, [
    element("SchemaVersion", {
      Version: "15.0.0.0",
      Build: "16.0.3111.1200",
      DatabaseVersion: 11552,
      SiteVersion: 15,
      ObjectsProcessed: objects,
    }),
    // Read in this order: folders come before what they contain.
    element(
      "ManifestFiles",
      {},
      manifests.map((Name) => element("ManifestFile", { Name })),
    ),
    element("SystemObjects", {}, [
      element("SystemObject", { Id: target.webRootFolderId, Type: "Folder", Url: target.webUrl }),
      element("SystemObject", { Id: target.webId, Type: "Web", Url: target.webUrl }),
      element("SystemObject", { Id: target.listId, Type: "List", Url: target.rootFolderUrl }),
    ]),
    element("RootWebOnlyLists", {}),
  ]);
}
