import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { Documents } from "./storage/documents.ts";
import { GroupWrites } from "./storage/groupWrites.ts";

const tombstoneSchema = z.object({
  id: z.string(),
  /** How many rounds it has had. */
  rounds: z.number().int(),
  deletedAt: z.string(),
});
export type Tombstone = z.infer<typeof tombstoneSchema>;

const PARTITION = "tombstones";

/** Tasks that people have deleted and of which something is still stored. */
export class Tombstones {
  private readonly rows: Documents<Tombstone>;
  private readonly writes: GroupWrites;

  /** `table`: the one of the tasks. */
  constructor(table: TableClient) {
    this.rows = new Documents(table, tombstoneSchema);
    this.writes = new GroupWrites(table);
  }

  async put(tombstone: Tombstone): Promise<void> {
    await this.writes.write(PARTITION, this.rows.putAction(PARTITION, tombstone.id, tombstone));
  }

  async remove(id: string): Promise<void> {
    await this.rows.remove(PARTITION, id);
  }

  async *list(): AsyncGenerator<Tombstone> {
    for await (const { value } of this.rows.list(PARTITION)) yield value;
  }
}
