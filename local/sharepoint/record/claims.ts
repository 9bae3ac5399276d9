import type { DatabaseSync } from "node:sqlite";
import type { Library, Site } from "../sites.ts";
import { transact } from "./database.ts";
import type { Item, ItemStore } from "./item-store.ts";
import { lookAt } from "./library-folder.ts";

/**
 * Settles what a job claimed and could not record: what is on disk is there under the job's ids, written before the job was
 * interrupted or by another job with the same items. What is not on disk is free again.
 */
export function settleClaim(
  items: ItemStore,
  library: Library,
  { id, kind, path }: Pick<Item, "id" | "kind" | "path">,
): void {
  const site = library.site.name;
  const stats = lookAt(library, path);
  if (stats?.isDirectory() !== (kind === "folder")) items.dropClaim(site, id);
  else items.keepClaim(site, id, kind === "file" ? stats.size : 0, stats);
}

/** Settles the claims of jobs that have ended, or that a start finds without their job. */
export function settleEndedClaims(
  database: DatabaseSync,
  items: ItemStore,
  sites: Map<string, Site>,
): void {
  const libraries = [...sites.values()].flatMap((site) => site.libraries);
  transact(database, () => {
    for (const item of items.claimsOfEndedJobs()) {
      const library = libraries.find(({ listId }) => listId === item.listId);
      if (library) settleClaim(items, library, item);
    }
  });
}
