import { type PackedRow, PackedRows, type RowWrite } from "./packedRows.ts";

/** Rows that are kept at most: some tens of megabytes. */
const MOST = 400;

/**
 * Rows that were read under one head of the index. As long as the head is that one, or the next of our own, nobody else has
 * changed them, and who commits again and again need not read them again. Their values are shared: nobody changes them in place.
 */
export class HeldRows extends PackedRows {
  private readonly held = new Map<string, unknown>();
  private head = "";

  override async get<T>(row: string): Promise<PackedRow<T> | undefined> {
    if (this.held.has(row)) return { value: this.held.get(row) as T, etag: "" };
    const { head } = this;
    const found = await super.get<T>(row);
    // Somebody else may have begun to read under another head in the meantime.
    if (found && head === this.head && this.held.size < MOST) this.held.set(row, found.value);
    return found;
  }

  /** Reads a whole list at once. */
  async hold(list: string): Promise<void> {
    for await (const [row, value] of this.below(list)) this.held.set(row, value);
  }

  keepUnder(etag: string): void {
    if (this.head !== etag) this.held.clear();
    this.head = etag;
  }

  /** The writes were committed together with a new head. */
  note(writes: readonly RowWrite[], etag: string): void {
    this.head = etag;
    for (const { row, value } of writes)
      if (value === undefined) this.held.delete(row);
      else if (this.held.has(row) || this.held.size < MOST) this.held.set(row, value);
  }
}
