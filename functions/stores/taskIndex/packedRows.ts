import { gunzipSync, gzipSync } from "node:zlib";
import { odata, RestError, type TableClient, type TransactionAction } from "@azure/data-tables";

/** Bytes of one binary property; Azure Tables take 64 KB, and 1 MB for the whole row. */
const PART = 60_000;

/** What becomes of a row; without a value it is removed. */
export interface RowWrite {
  row: string;
  value?: unknown;
}

export interface PackedRow<T> {
  value: T;
  etag: string;
}

type Entity = Record<string, unknown> & { partitionKey: string; rowKey: string; etag: string };

/** Rows of one partition that hold many small things each: compressed JSON in as many binary properties as it takes. */
export class PackedRows {
  readonly table: TableClient;
  readonly partition: string;

  constructor(table: TableClient, partition: string) {
    this.table = table;
    this.partition = partition;
  }

  async get<T>(row: string): Promise<PackedRow<T> | undefined> {
    try {
      const entity = await this.table.getEntity<Entity>(this.partition, row);
      return { value: unpack<T>(entity as Entity), etag: entity.etag };
    } catch (error) {
      if (error instanceof RestError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  /** All rows whose keys begin like this, followed by a hyphen: one request per thousand rows or four megabytes. */
  async *below<T>(prefix: string): AsyncGenerator<[row: string, value: T]> {
    const queryOptions = { filter: this.belowFilter(prefix) };
    for await (const entity of this.table.listEntities<Entity>({ queryOptions }))
      yield [entity.rowKey as string, unpack<T>(entity as Entity)];
  }

  async *keysBelow(prefix: string): AsyncGenerator<string> {
    const queryOptions = { filter: this.belowFilter(prefix), select: ["PartitionKey", "RowKey"] };
    for await (const { rowKey } of this.table.listEntities<Entity>({ queryOptions }))
      yield rowKey as string;
  }

  private belowFilter(prefix: string): string {
    return odata`PartitionKey eq ${this.partition} and RowKey ge ${`${prefix}-`} and RowKey lt ${`${prefix}.`}`;
  }

  /** The write as a part of a transaction; with `etag` only if the row is still that one. */
  action({ row, value }: RowWrite, etag?: string): TransactionAction {
    const key = { partitionKey: this.partition, rowKey: row };
    if (value === undefined) return ["delete", key];
    const entity = { ...key, ...pack(value) };
    return etag === undefined
      ? ["upsert", entity, "Replace"]
      : ["update", entity, "Replace", { etag }];
  }
}

function pack(value: unknown): Record<string, Uint8Array> {
  const bytes = gzipSync(JSON.stringify(value), { level: 1 });
  const parts: Record<string, Uint8Array> = {};
  for (let start = 0; start < bytes.length; start += PART)
    parts[`d${start / PART}`] = bytes.subarray(start, start + PART);
  return parts;
}

function unpack<T>(entity: Entity): T {
  const parts: Uint8Array[] = [];
  for (let part = 0; entity[`d${part}`] !== undefined; part++)
    parts.push(entity[`d${part}`] as Uint8Array);
  return JSON.parse(gunzipSync(Buffer.concat(parts)).toString()) as T;
}

/** How many bytes an action adds to its transaction, about: binary travels as base64. */
export function sizeOf([, entity]: TransactionAction): number {
  let size = 600;
  for (const value of Object.values(entity as Record<string, unknown>))
    if (value instanceof Uint8Array) size += (value.length * 4) / 3;
    else if (typeof value === "string") size += value.length;
  return size;
}
