const REMEMBERED = 512;

/** A row as it is stored. */
interface StoredRow {
  data: string;
  etag: string;
}

/** Rows as this process last read or wrote them, the most recent ones. What others wrote since it does not know. */
export class RowMemory {
  private readonly rows = new Map<string, StoredRow>();

  get(partition: string, row: string): StoredRow | undefined {
    return this.rows.get(`${partition}/${row}`);
  }

  set(partition: string, row: string, { data, etag }: { data: string; etag?: string | undefined }) {
    const key = `${partition}/${row}`;
    this.rows.delete(key);
    if (etag !== undefined) this.rows.set(key, { data, etag });
    const oldest = this.rows.keys().next().value;
    if (this.rows.size > REMEMBERED && oldest !== undefined) this.rows.delete(oldest);
  }

  forget(partition: string, row: string): void {
    this.rows.delete(`${partition}/${row}`);
  }
}
