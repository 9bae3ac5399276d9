import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import { Documents } from "./documents.ts";

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

  /** `table`: the one of the tasks. */
  constructor(table: TableClient) {
    this.rows = new Documents(table, z.object({ taskId: z.string(), at: z.string() }));
  }

  async put(wakeUp: WakeUp): Promise<void> {
    await this.rows.put(PARTITION, row(wakeUp), wakeUp);
  }

  async remove(wakeUp: WakeUp): Promise<void> {
    await this.rows.remove(PARTITION, row(wakeUp));
  }

  /** What is due at `now`, oldest first. */
  async *due(now: number): AsyncGenerator<WakeUp> {
    const before = new Date(now + 1).toISOString();
    for await (const { value } of this.rows.list(PARTITION, { before })) yield value;
  }
}
