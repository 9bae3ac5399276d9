import type { DatabaseSync } from "node:sqlite";
import type { Site } from "../sites.ts";
import { transact } from "./database.ts";
import type { ItemStore } from "./item-store.ts";
import { lookAt } from "./library-folder.ts";

/**
 * Settles what jobs that have ended claimed and did not record. A job that was interrupted and then failed (its containers may
 * be gone by then) has written files that are there under its ids: they are items like every other that a failed job has
 * imported. What is not on disk is free again.
 */
export function settleEndedClaims(
  database: DatabaseSync,
  items: ItemStore,
  sites: Map<string, Site>,
): void {
  const libraries = [...sites.values()].flatMap((site) => site.libraries);
  transact(database, () => {
    for (const { id, listId, kind, path } of items.claimsOfEndedJobs()) {
      const library = libraries.find((candidate) => candidate.listId === listId);
      if (!library) continue;
      const site = library.site.name;
      const stats = lookAt(library, path);
      const isThere = stats?.isDirectory() === (kind === "folder");
      if (!stats || !isThere) items.dropClaim(site, id);
      else items.keepClaim(site, id, kind === "file" ? stats.size : 0, stats);
    }
  });
}
