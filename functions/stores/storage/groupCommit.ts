/**
 * Collects what is asked for while the one before is being committed, and commits it together: a hundred changes of one
 * session at the same moment cost a few transactions, not a hundred that get in each other's way.
 */
export class GroupCommit<J extends { id: string }, R> {
  private readonly queues = new Map<string, Waiting<J, R>[]>();
  private readonly begin: (key: string) => (jobs: J[]) => Promise<R[]>;
  private readonly most: number;

  /** `begin` is called when somebody asks after a pause; what it returns commits groups until nobody waits any more. */
  constructor(begin: (key: string) => (jobs: J[]) => Promise<R[]>, most: number) {
    this.begin = begin;
    this.most = most;
  }

  add(key: string, job: J): Promise<R> {
    return new Promise((resolve, reject) => {
      const waiting = { job, resolve, reject };
      const queue = this.queues.get(key);
      if (queue) {
        queue.push(waiting);
        return;
      }
      this.queues.set(key, [waiting]);
      void this.work(key);
    });
  }

  private async work(key: string): Promise<void> {
    // Those who ask in the same turn come along.
    await Promise.resolve();
    const commit = this.begin(key);
    for (let group = this.take(key); group.length > 0; group = this.take(key)) {
      try {
        const results = await commit(group.map(({ job }) => job));
        group.forEach(({ resolve }, index) => {
          resolve(results[index] as R);
        });
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }

  /** The next group, in which nobody is twice. */
  private take(key: string): Waiting<J, R>[] {
    const queue = this.queues.get(key) ?? [];
    const group = new Map<string, Waiting<J, R>>();
    const rest = queue.filter((waiting) => {
      if (group.size === this.most || group.has(waiting.job.id)) return true;
      group.set(waiting.job.id, waiting);
      return false;
    });
    if (group.size === 0) this.queues.delete(key);
    else this.queues.set(key, rest);
    return [...group.values()];
  }
}

interface Waiting<J, R> {
  job: J;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}
