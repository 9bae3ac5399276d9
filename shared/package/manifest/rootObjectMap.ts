import type { PackageManifestInput } from "./types.ts";
import { element } from "./xml.ts";

/** RootObjectMap.xml: the one object everything hangs from, the library. */
export function rootObjectMap({ target }: PackageManifestInput): string {
  return element("RootObjects", { xmlns: "urn:deployment-rootobjectmap-schema" }, [
    element("RootObject", {
      Id: target.listId,
      Type: "List",
      ParentId: target.webId,
      WebUrl: target.webUrl,
      Url: target.rootFolderUrl,
      IsDependency: false,
    }),
  ]);
}
