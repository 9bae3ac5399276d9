import type { PackageManifestInput } from "./types.ts";
import { element } from "./xml.ts";

/**
 * ExportSettings.xml: where the package says it comes from. `SiteUrl` must be an absolute URL (empty: "Invalid URI"); for
 * a file share there is none, so it is a made-up host with the package's own site path. `SourceType` is mandatory since
 * April 2023; `IgnoreWebParts` spares the import the search for web parts in pages (MS docs: migration-manifest).
 */
export function exportSettings({ target, sourceLocation }: PackageManifestInput): string {
  return element(
    "ExportSettings",
    {
      xmlns: "urn:deployment-exportsettings-schema",
      SiteUrl: `http://fileshare${target.siteUrl}`,
      FileLocation: sourceLocation,
      IncludeSecurity: "All",
      IncludeVersions: "All",
      SourceType: "FileShare",
      IgnoreWebParts: true,
    },
    [
      element("ExportObjects", {}, [
        element("DeploymentObject", {
          Id: target.listId,
          Type: "List",
          ParentId: target.webId,
          Url: target.rootFolderUrl,
          ExcludeChildren: false,
          IncludeDescendants: "All",
        }),
      ]),
    ],
  );
}
