import {
  odata,
  type TableClient,
  TableTransaction,
  type TransactionAction,
} from "@azure/data-tables";
import type { z } from "zod";
import { isConflict, retryConflicts, statusOf } from "./conflicts.ts";
import { type Decision, decideAndWrite, type Look, Turns } from "./decide.ts";
import type { RowMemory } from "./rowMemory.ts";
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

export { isConflict, retryConflicts };

/** One kind of row of a table. Several kinds may share a table and a partition; the row key tells them apart. */
export class Documents<T> {
  readonly table: TableClient;
  private readonly schema: z.ZodType<T>;
  private readonly memory: RowMemory | undefined;
  private readonly turns = new Turns();

  /** `memory`: for rows that this process changes often. It spares what `update` and transactions read, not what `get` reads. */
  constructor(table: TableClient, schema: z.ZodType<T>, memory?: RowMemory) {
    this.table = table;
    this.schema = schema;
    this.memory = memory;
  }

  async get(partition: string, row: string): Promise<Document<T> | undefined> {
    const entity = await this.table.getEntity<Entity>(partition, row).catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw error;
    });
    if (!entity) this.memory?.forget(partition, row);
    else this.memory?.set(partition, row, entity);
    return entity && this.decode(entity);
  }

  /** The row as this process last saw it. Only for what is guarded by its ETag, or allowed to be late. */
  recall(partition: string, row: string): Document<T> | undefined {
    const known = this.memory?.get(partition, row);
    return known && this.decode(known);
  }

  /** Inserts; returns false when the row exists already. */
  async insert(partition: string, row: string, value: T): Promise<boolean> {
    try {
      const entity = this.encode(partition, row, value);
      this.written(entity, await this.table.createEntity(entity));
      return true;
    } catch (error) {
      if (statusOf(error) === 409) return false;
      throw error;
    }
  }

  async put(partition: string, row: string, value: T): Promise<void> {
    const entity = this.encode(partition, row, value);
    this.written(entity, await this.table.upsertEntity(entity, "Replace"));
  }

  /** Reads, changes and writes back until nobody else wrote in between. `change` returns undefined to leave the row alone. */
  async update(
    partition: string,
    row: string,
    change: (value: T) => T | undefined,
  ): Promise<T | undefined> {
    const decide = async (look: Look): Promise<Decision<T | undefined>> => {
      const found = await look<T>(this, partition, row);
      const next = found && change(structuredClone(found.value));
      if (!found || next === undefined) return { result: found?.value };
      const commit = () => this.replace(partition, row, next, found.etag);
      return { result: next, writes: { commit } };
    };
    return this.memory
      ? this.turns.take(`${partition}/${row}`, () => decideAndWrite(decide))
      : decideAndWrite(decide);
  }

  private async replace(partition: string, row: string, value: T, etag: string): Promise<void> {
    const entity = this.encode(partition, row, value);
    this.written(entity, await this.table.updateEntity(entity, "Replace", { etag }));
  }

  /** Remembers a row that was just written under this ETag. */
  written({ partitionKey, rowKey, data }: Entity, { etag }: { etag?: string | undefined }): void {
    this.memory?.set(partitionKey, rowKey, { data, etag });
  }

  async remove(partition: string, row: string): Promise<void> {
    this.memory?.forget(partition, row);
    await this.table.deleteEntity(partition, row).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
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
  /** What to do with the new ETag of each row, in their order. */
  private readonly written: ((response: { etag?: string | undefined }) => void)[] = [];

  constructor(table: TableClient, partition: string) {
    this.table = table;
    this.partition = partition;
  }

  /** Only if the row is still the one with this ETag. */
  replace<T>(kind: Documents<T>, row: string, value: T, etag: string): this {
    const entity = kind.encode(this.partition, row, value);
    this.transaction.updateEntity(entity, "Replace", { etag });
    this.written.push((response) => kind.written(entity, response));
    return this;
  }

  put<T>(kind: Documents<T>, row: string, value: T): this {
    const entity = kind.encode(this.partition, row, value);
    this.transaction.upsertEntity(entity, "Replace");
    this.written.push((response) => kind.written(entity, response));
    return this;
  }

  remove(row: string): this {
    this.transaction.deleteEntity(this.partition, row);
    this.written.push(() => undefined);
    return this;
  }

  async commit(): Promise<void> {
    const { subResponses } = await this.table.submitTransaction(this.transaction.actions);
    for (const [index, note] of this.written.entries()) note(subResponses[index] ?? {});
  }
}

/** Opens a table and creates it when it is missing. `of`: the account, or its connection string. */
export async function openTable(of: StorageAccount | string, name: string): Promise<TableClient> {
  const table = typeof of === "string" ? tableOf(of, name) : of.table(name);
  await table.createTable();
  return table;
}
