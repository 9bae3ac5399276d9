import type { FoundItem } from "../destinations/sharePoint.ts";
import type { UploadedContent } from "../domain/packageManifest.ts";
import { inLibrary, type PlanItem } from "../domain/plan.ts";
import type { Target } from "../domain/records.ts";
import type { Services } from "../services.ts";
import { inParallel } from "./inParallel.ts";

/**
 * Whether what is at the destination is this content of the item: under our identity, with its size and its time. The time
 * matters, because an earlier version of the file may well have the same size. SharePoint keeps whole seconds.
 */
export const isContent = (
  found: FoundItem,
  { id, size, modified }: { id?: string | undefined; size: number; modified: number },
): boolean =>
  found.id === id && found.size === size && found.modified === Math.floor(modified / 1000) * 1000;

/** Asks the destination about each item of a package, when the job's own word is not enough; paths of those that are there. */
export async function findArrived(
  { destination }: Pick<Services, "destination">,
  target: Target,
  folders: readonly PlanItem[],
  files: readonly { item: PlanItem; content: UploadedContent }[],
): Promise<Set<string>> {
  const arrived = new Set<string>();
  await inParallel(8, files, async ({ item: { id, path }, content }) => {
    const found = await destination.findFile(target, inLibrary(target, path));
    if (found && isContent(found, { ...content, id })) arrived.add(path);
  });
  await inParallel(8, folders, async ({ id, path }) => {
    if ((await destination.findFolder(target, inLibrary(target, path))) === id) arrived.add(path);
  });
  return arrived;
}
