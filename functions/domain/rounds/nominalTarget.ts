import type { Destination } from "../../../shared/contracts/destinations.ts";
import type { Target } from "../records.ts";

const NOWHERE = "00000000-0000-0000-0000-000000000000";

/** What stands in a row in the place of a destination that a scan does not have. */
export const NO_DESTINATION: Destination = { siteUrl: "", library: "", folder: "" };

export const hasDestination = ({ siteUrl }: Pick<Destination, "siteUrl">): boolean =>
  siteUrl !== "";

/**
 * A target that is only a place to compute paths with: of a scan without a destination, or with one whose library is not made
 * yet. Nothing is asked of it, and nothing is brought there.
 */
export function nominalTarget(rootFolderUrl: string, folder: string): Target {
  const names = folder.split("/").filter(Boolean);
  return {
    nominal: true,
    ...{ origin: "https://nominal.invalid", siteUrl: "/", webUrl: "/", listTitle: "" },
    ...{ siteId: NOWHERE, webId: NOWHERE, webRootFolderId: NOWHERE, listId: NOWHERE },
    rootFolderId: NOWHERE,
    rootFolderUrl: rootFolderUrl.replace(/\/+$/, ""),
    folders: names.map((_name, depth) => ({ path: names.slice(0, depth + 1).join("/") })),
  };
}
