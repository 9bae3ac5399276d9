import {
  odata,
  RestError,
  type TableClient,
  TableTransaction,
  type TransactionAction,
} from "@azure/data-tables";
import type { z } from "zod";
import { type StorageAccount, tableOf } from "./storageAccount.ts";

/**
 * Documents in Azure Tables: one JSON document per row, checked by a schema on the way in and out. Rows that change together
 * share a partition and are written in one entity-group transaction, guarded by their ETags.
 */
export interface Document<T> {
  value: T;
  etag: string;
}

type Entity = { partitionKey: string; rowKey: string; data: string };

const status = (error: unknown) => (error instanceof RestError ? error.statusCode : undefined);
export const isConflict = (error: unknown) => status(error) === 409 || status(error) === 412;

/** One kind of row of a table. Several kinds may share a table and a partition; the row key tells them apart. */
export class Documents<T> {
  readonly table: TableClient;
  private readonly schema: z.ZodType<T>;

  constructor(table: TableClient, schema: z.ZodType<T>) {
    this.table = table;
    this.schema = schema;
  }

  async get(partition: string, row: string): Promise<Document<T> | undefined> {
    try {
      const entity = await this.table.getEntity<Entity>(partition, row);
      return this.decode(entity);
    } catch (error) {
      if (status(error) === 404) return undefined;
      throw error;
    }
  }

  /** Inserts; returns false when the row exists already. */
  async insert(partition: string, row: string, value: T): Promise<boolean> {
    try {
      await this.table.createEntity(this.encode(partition, row, value));
      return true;
    } catch (error) {
      if (status(error) === 409) return false;
      throw error;
    }
  }

  async put(partition: string, row: string, value: T): Promise<void> {
    await this.table.upsertEntity(this.encode(partition, row, value), "Replace");
  }

  /** Reads, changes and writes back until nobody else wrote in between. `change` returns undefined to leave the row alone. */
  async update(
    partition: string,
    row: string,
    change: (value: T) => T | undefined,
  ): Promise<T | undefined> {
    return retryConflicts(async () => {
      const found = await this.get(partition, row);
      if (!found) return undefined;
      const next = change(structuredClone(found.value));
      if (next === undefined) return found.value;
      const entity = this.encode(partition, row, next);
      await this.table.updateEntity(entity, "Replace", { etag: found.etag });
      return next;
    });
  }

  async remove(partition: string, row: string): Promise<void> {
    await this.table.deleteEntity(partition, row).catch((error: unknown) => {
      if (status(error) !== 404) throw error;
    });
  }

  /**
   * Rows of a partition in key order, `from` inclusive, `before` exclusive. `pageSize` is how many are fetched at once, for
   * those who seldom want more than the first few.
   */
  async *list(
    partition: string,
    { from = "", before = "~", pageSize = 1000 } = {},
  ): AsyncGenerator<{ row: string } & Document<T>> {
    const filter = odata`PartitionKey eq ${partition} and RowKey ge ${from} and RowKey lt ${before}`;
    const pages = this.table
      .listEntities<Entity>({ queryOptions: { filter } })
      .byPage({ maxPageSize: pageSize });
    for await (const page of pages)
      for (const entity of page)
        yield { row: entity.rowKey as string, ...this.decode(entity as Entity & { etag: string }) };
  }

  /** A put as a part of a transaction. */
  putAction(partition: string, row: string, value: T): TransactionAction {
    return ["upsert", this.encode(partition, row, value), "Replace"];
  }

  /** The row as it is stored. Throws for a value that could not be read again. */
  encode(partition: string, row: string, value: T): Entity {
    const data = inAscii(JSON.stringify(this.schema.parse(value)));
    return { partitionKey: partition, rowKey: row, data };
  }

  private decode(entity: { data: string; etag: string }): Document<T> {
    return { value: this.schema.parse(JSON.parse(entity.data)), etag: entity.etag };
  }
}

/** The same JSON with escapes: Azurite 3.36 fails on transactions that hold a U+2028, which file names may. */
const inAscii = (json: string): string =>
  json.replace(
    /[^\u0020-\u007e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** A set of writes to one partition that happen all or not at all. */
export class Writes {
  private readonly table: TableClient;
  private readonly partition: string;
  private readonly transaction = new TableTransaction();

  constructor(table: TableClient, partition: string) {
    this.table = table;
    this.partition = partition;
  }

  /** Only if the row is still the one with this ETag. */
  replace<T>(kind: Documents<T>, row: string, value: T, etag: string): this {
    const entity = kind.encode(this.partition, row, value);
    this.transaction.updateEntity(entity, "Replace", { etag });
    return this;
  }

  put<T>(kind: Documents<T>, row: string, value: T): this {
    this.transaction.upsertEntity(kind.encode(this.partition, row, value), "Replace");
    return this;
  }

  remove(row: string): this {
    this.transaction.deleteEntity(this.partition, row);
    return this;
  }

  async commit(): Promise<void> {
    await this.table.submitTransaction(this.transaction.actions);
  }
}

/** Runs a read-check-write again when somebody else wrote in between; gives up after many tries, as nothing else is left. */
export async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(200, 5 * tries)));
    }
  }
}

/** Opens a table and creates it when it is missing. `of`: the account, or its connection string. */
export async function openTable(of: StorageAccount | string, name: string): Promise<TableClient> {
  const table = typeof of === "string" ? tableOf(of, name) : of.table(name);
  await table.createTable();
  return table;
}
