import { RestError, type TableClient, type TransactionAction } from "@azure/data-tables";
import { GroupCommit } from "./groupCommit.ts";

/** An entity-group transaction takes 100 rows; those of one who asks are two at most. */
const MOST = 50;

interface Job {
  id: string;
  actions: readonly TransactionAction[];
}

/**
 * Rows that are put or removed whatever was there before. Those of one partition that are asked for at the same moment go in
 * one transaction: what is done to hundreds of tasks costs a few requests for each kind of row, not hundreds.
 */
export class GroupWrites {
  private readonly table: TableClient;
  private readonly jobs: GroupCommit<Job, PromiseSettledResult<boolean>>;

  constructor(table: TableClient) {
    this.table = table;
    this.jobs = new GroupCommit(() => (jobs) => this.commitAll(jobs), MOST);
  }

  /** Writes one or two rows of a partition together. False when one that was to be removed is not there; then nothing happens. */
  async write(partition: string, ...actions: readonly TransactionAction[]): Promise<boolean> {
    const id = actions.map(([, { rowKey }]) => rowKey).join();
    const result = await this.jobs.add(partition, { id, actions });
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }

  /** Removes a row. False when it is not there. */
  remove(partition: string, row: string): Promise<boolean> {
    return this.write(partition, ["delete", { partitionKey: partition, rowKey: row }]);
  }

  private async commitAll(jobs: readonly Job[]): Promise<PromiseSettledResult<boolean>[]> {
    const together = await settled(this.commit(jobs));
    const isOneInTheWay = together.status === "rejected" || !together.value;
    if (jobs.length > 1 && isOneInTheWay && !isAway(together))
      return Promise.all(jobs.map((job) => settled(this.commit([job]))));
    return jobs.map(() => together);
  }

  private async commit(jobs: readonly Job[]): Promise<boolean> {
    try {
      await this.table.submitTransaction(jobs.flatMap(({ actions }) => actions));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }
}

const settled = async <T>(work: Promise<T>): Promise<PromiseSettledResult<T>> =>
  (await Promise.allSettled([work]))[0];

const statusOf = (error: unknown) => (error instanceof RestError ? error.statusCode : undefined);

/** Storage did not answer, or not as it should: no row is to blame. */
const isAway = (result: PromiseSettledResult<boolean>): boolean =>
  result.status === "rejected" && !(Number(statusOf(result.reason)) < 500);
