import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import { baseName, depth, parentOf } from "../../../shared/rules/paths.ts";
import { placeInLibrary } from "../../domain/packages/places.ts";
import type { Plan, PlanItem } from "../../domain/packages/plan.ts";
import type { ExistingItem } from "../../domain/packages/standing.ts";
import type { RoundRecord, Target } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import { readBefore, writeBefore } from "../../stores/rounds/roundBlobs.ts";
import { inParallel } from "../inParallel.ts";

type App = Pick<Services, "destination" | "state">;
type Listing = ReadonlyMap<string, ExistingItem> | "too large" | undefined;

/**
 * What the destination has in the place of items that are to be migrated, by lower-case path in the library. Costs one listing
 * for every folder that was there before the round; a folder that the round makes itself has nothing of others in it.
 */
export async function existingItems(
  app: App,
  round: RoundRecord,
  plan: Plan,
  earlier: ReadonlyMap<string, Outcome>,
): Promise<Map<string, ExistingItem>> {
  const existing = new Map<string, ExistingItem>();
  const target = round.target as Target;
  const base = target.folders.at(-1);
  if (target.nominal || (base && !base.id)) return existing;

  /** Folders that may have items of others: they were there before the round. */
  const old = new Set<string>([topOf(target)]);
  const wanted: Wanted[] = [];
  const consider = (item: PlanItem | Plan["above"][number], isNew: boolean) => {
    const place = placeInLibrary(target, item);
    const isSettled = item.kind === "folder" && earlier.get(item.path)?.arrived !== undefined;
    if (isSettled) old.add(place);
    if (isNew && !isSettled && item.kind !== "other") wanted.push({ place, kind: item.kind });
  };
  for (const folder of plan.above) consider(folder, true);
  for (const item of plan.items)
    consider(item, item.action === "migrate" || item.issue?.code === "SCAN_ONLY");

  // Folders come first: what is found of one decides whether its content is looked for.
  for (const level of byDepth(wanted))
    await inParallel(LOOKUPS, level, async ({ place, kind }) => {
      if (!old.has(parentOf(place))) return;
      const found = await find(app, round, { place, kind });
      if (!found) return;
      existing.set(place.toLowerCase(), found);
      if (found.kind === "folder") old.add(place);
    });
  return existing;
}

const LOOKUPS = 8;

/** A path in the library, and what is going to be there. */
interface Wanted {
  place: string;
  kind: "file" | "folder";
}

function byDepth(wanted: readonly Wanted[]): Wanted[][] {
  const levels: Wanted[][] = [];
  for (const each of wanted) {
    const level = depth(each.place);
    levels[level] ??= [];
    levels[level].push(each);
  }
  return levels.filter(Boolean);
}

async function find(
  app: App,
  round: RoundRecord,
  { place, kind }: Wanted,
): Promise<ExistingItem | undefined> {
  const listing = await listOnce(app, round, parentOf(place));
  if (listing !== "too large") return listing?.get(baseName(place).toLowerCase());
  // A folder that SharePoint will not list is asked for each item, for the kind that is to come only.
  const target = round.target as Target;
  if (kind === "file") {
    const file = await app.destination.findFile(target, place);
    return file && { ...file, kind };
  }
  const id = await app.destination.findFolder(target, place);
  return id === undefined ? undefined : { id, kind, size: 0, modified: 0 };
}

/**
 * Listings in use: the packages of a round ask for the same few folders. What is kept for a while is what was there before,
 * which is what is wanted.
 */
const cache = new Map<string, { listing: Promise<Listing>; until: number }>();
const CACHED_LISTINGS = 16;
const CACHED_MS = 10 * 60_000;

function listOnce(app: App, round: RoundRecord, folder: string): Promise<Listing> {
  const target = round.target as Target;
  const key = [round.taskId, round.number, round.run, target.listId, folder].join("/");
  const known = cache.get(key);
  if (known && known.until > Date.now()) return known.listing;
  const listing = listFolder(app, round, folder);
  listing.catch(() => cache.delete(key));
  cache.delete(key);
  cache.set(key, { listing, until: Date.now() + CACHED_MS });
  const oldest = cache.keys().next().value;
  if (cache.size > CACHED_LISTINGS && oldest !== undefined) cache.delete(oldest);
  return listing;
}

async function listFolder(app: App, round: RoundRecord, folder: string): Promise<Listing> {
  const target = round.target as Target;
  if (round.ledgerRound === undefined && folder === topOf(target)) {
    const ref = { taskId: round.taskId, round: round.number };
    const before = await readBefore(app.state.plans, ref);
    if (before?.place === placeOf(target))
      return before.items === null ? "too large" : byName(before.items);
  }
  return listNow(app, target, folder);
}

function listNow({ destination }: App, target: Target, folder: string): Promise<Listing> {
  return destination.listFolder(target, folder).catch((error: unknown): Listing => {
    if (error instanceof LongshoreError && error.code === "DESTINATION_FOLDER_TOO_LARGE")
      return "too large";
    throw error;
  });
}

const placeOf = (target: Target): string => `${target.listId}/${topOf(target)}`;

const topOf = (target: Target): string => target.folders.at(-1)?.path ?? "";

const byName = (items: readonly ({ name: string } & ExistingItem)[]): Listing =>
  new Map(items.map(({ name, ...item }) => [name, item]));

/**
 * Notes down what the task's folder holds before the first package of a round that knows of none before it. Later, and on
 * other machines, nobody could tell what was there from what the round itself has brought.
 */
export async function noteBefore(
  app: App,
  { taskId, round }: { taskId: string; round: number },
  target: Target,
): Promise<void> {
  const base = target.folders.at(-1);
  if (target.nominal || (base && !base.id)) return;
  const ref = { taskId, round };
  const place = placeOf(target);
  // A round that was begun again stands by what it found first, unless it leads elsewhere by now.
  if ((await readBefore(app.state.plans, ref))?.place === place) return;
  const listing = await listNow(app, target, topOf(target));
  const items =
    listing === "too large"
      ? null
      : [...(listing ?? [])].map(([name, item]) => ({ name, ...item }));
  await writeBefore(app.state.plans, ref, { place, items });
}
