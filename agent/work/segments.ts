import type { InventoryEntry, SegmentSummary } from "../../shared/contracts/inventory.ts";
import type { OpenFolder, WalkItem } from "../source/walk.ts";

/** A run of entries in walk order, as its blob will hold it. */
export interface Segment {
  summary: Omit<SegmentSummary, "blob">;
  /** JSON lines: the header, then the entries. */
  text: string;
}

export interface SegmentLimits {
  segmentItems: number;
  segmentBytes: number;
}

/**
 * Cuts the walk into segments, numbered from `first` on. A segment ends when it is full; a file that is larger than a whole
 * segment stands alone. Older versions of a file count as items and with their bytes, and are never parted from it. Where a
 * segment ends depends only on what is in it and what comes next, so a walk that is resumed after the end of a
 * segment is cut as the whole walk would have been.
 */
export async function* cutSegments(
  items: AsyncIterable<WalkItem>,
  { segmentItems, segmentBytes }: SegmentLimits,
  first: number,
): AsyncGenerator<Segment, void, undefined> {
  let number = first;
  let draft: Draft | undefined;
  for await (const { entry, parent } of items) {
    const load = loadOf(entry);
    const { items = 0, bytes = 0 } = draft?.load ?? {};
    const isTooMuch = load.bytes > 0 && bytes + load.bytes > segmentBytes;
    if (draft !== undefined && (isTooMuch || items + load.items > segmentItems)) {
      yield draft.close();
      draft = undefined;
    }
    draft ??= new Draft(number++, parent);
    draft.add(entry, load);
    if (draft.load.items >= segmentItems || draft.load.bytes >= segmentBytes) {
      yield draft.close();
      draft = undefined;
    }
  }
  if (draft !== undefined) yield draft.close();
}

/** What an item takes up in a segment. */
interface Load {
  items: number;
  bytes: number;
}

const loadOf = ({ size, versions = [] }: InventoryEntry): Load => ({
  items: 1 + versions.length,
  bytes: versions.reduce((sum, version) => sum + version.size, size),
});

class Draft {
  readonly load: Load = { items: 0, bytes: 0 };
  readonly #segment: number;
  readonly #lines: string[];
  #first: string | undefined;
  #last = "";
  #items = 0;
  #bytes = 0;
  #files = 0;
  #folders = 0;
  #issues = 0;

  constructor(segment: number, parent: OpenFolder | undefined) {
    this.#segment = segment;
    this.#lines = [JSON.stringify({ version: 1, segment, open: foldersFrom(parent) })];
  }

  add(entry: InventoryEntry, load: Load): void {
    this.load.items += load.items;
    this.load.bytes += load.bytes;
    this.#lines.push(JSON.stringify(entry));
    this.#first ??= entry.path;
    this.#last = entry.path;
    this.#items++;
    this.#bytes += entry.size;
    if (entry.kind === "file") this.#files++;
    if (entry.kind === "folder") this.#folders++;
    if (entry.issue !== undefined) this.#issues++;
  }

  close(): Segment {
    return {
      summary: {
        segment: this.#segment,
        items: this.#items,
        files: this.#files,
        folders: this.#folders,
        bytes: this.#bytes,
        issues: this.#issues,
        first: this.#first ?? "",
        last: this.#last,
      },
      text: `${this.#lines.join("\n")}\n`,
    };
  }
}

/** The folder and those above it, outermost first. */
function foldersFrom(parent: OpenFolder | undefined): InventoryEntry[] {
  const folders: InventoryEntry[] = [];
  for (let folder = parent; folder !== undefined; folder = folder.parent)
    folders.push(folder.entry);
  return folders.reverse();
}
