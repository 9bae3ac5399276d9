import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { Documents } from "./storage/documents.ts";
import { GroupWrites } from "./storage/groupWrites.ts";

/** A task has to be looked at when this instant has come: a run is due, or one of its windows opens or closes. */
export interface WakeUp {
  taskId: string;
  at: string;
}

const PARTITION = "due";
const row = ({ at, taskId }: WakeUp) => `${at}:${taskId}`;

/** Due tasks by time, so that a timer reads only what is due, however many tasks there are. */
export class WakeUps {
  private readonly rows: Documents<WakeUp>;
  private readonly writes: GroupWrites;

  /** `table`: the one of the tasks. */
  constructor(table: TableClient) {
    this.rows = new Documents(table, z.object({ taskId: z.string(), at: z.string() }));
    this.writes = new GroupWrites(table);
  }

  async put(wakeUp: WakeUp): Promise<void> {
    await this.writes.write(PARTITION, this.rows.putAction(PARTITION, row(wakeUp), wakeUp));
  }

  async remove(wakeUp: WakeUp): Promise<void> {
    await this.writes.remove(PARTITION, row(wakeUp));
  }

  /** What is due at `now`, oldest first. */
  async *due(now: number): AsyncGenerator<WakeUp> {
    const before = new Date(now + 1).toISOString();
    for await (const { value } of this.rows.list(PARTITION, { before })) yield value;
  }
}
