import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import type { Config } from "../config.ts";
import { Documents } from "./documents.ts";
import { type PackageRef, pad } from "./refs.ts";
import { RowMemory } from "./rowMemory.ts";

/** Who has a job at a site collection, and until when that is believed without a word; milliseconds since 1970. */
const slotsSchema = z.object({ holders: z.record(z.string(), z.number()) });
type Slots = z.infer<typeof slotsSchema>;

export interface SlotLimits {
  perSite: number;
  /** Of all sites together. SharePoint wants no more than 5,000 jobs in its queue. */
  total: number;
}

export const slotLimits = (config: Config): SlotLimits => ({
  perSite: config.IMPORT_JOBS_PER_SITE,
  total: config.IMPORT_JOBS_TOTAL,
});

const PARTITION = "jobs";
/** A job is looked after at least once a minute; after this long its slot is free again, whatever became of its follower. */
const LEASE_MS = 10 * 60_000;
/** The sum over all sites is a guard, not a measure: it may be this old. */
const TOTAL_FRESH_MS = 5_000;

/**
 * How many import jobs are at SharePoint, per site collection and over all tasks: one row per site, changed under its ETag.
 * SharePoint runs few jobs of a site at a time and cancels what waits for too long, so a package waits here instead. Slots are leases:
 * what a crash leaves behind ends by itself, and who still follows its job takes its slot again.
 */
export class JobSlots {
  private readonly rows: Documents<Slots>;
  private readonly limits: SlotLimits;
  private sum = { jobs: 0, at: 0 };

  constructor(table: TableClient, limits: SlotLimits) {
    this.rows = new Documents(table, slotsSchema, new RowMemory());
    this.limits = limits;
  }

  /** A slot for the package's job, unless the site or SharePoint as a whole has as many as it may have. */
  async take(site: string, ref: PackageRef, now: number): Promise<boolean> {
    if ((await this.total(now)) >= this.limits.total) return false;
    let taken = false;
    await this.change(site, (slots) => {
      const alive = living(slots, now);
      taken = holderOf(ref) in alive || Object.keys(alive).length < this.limits.perSite;
      return taken ? { holders: { ...alive, [holderOf(ref)]: now + LEASE_MS } } : undefined;
    });
    return taken;
  }

  /** The job is still there. It is counted even if there are too many then: it runs, whatever we think. */
  async keep(site: string, ref: PackageRef, now: number): Promise<void> {
    // Nobody else changes when a job's own lease ends.
    const known = this.rows.recall(PARTITION, site)?.value.holders[holderOf(ref)] ?? 0;
    if (known - now > LEASE_MS / 2) return;
    await this.change(site, (slots) => {
      const until = slots.holders[holderOf(ref)] ?? 0;
      if (until - now > LEASE_MS / 2) return undefined;
      return { holders: { ...living(slots, now), [holderOf(ref)]: now + LEASE_MS } };
    });
  }

  async release(site: string, ref: PackageRef): Promise<void> {
    await this.rows.update(PARTITION, site, ({ holders }) => {
      const { [holderOf(ref)]: held, ...others } = holders;
      return held === undefined ? undefined : { holders: others };
    });
  }

  /** Jobs at a site now. */
  async count(site: string, now: number): Promise<number> {
    const found = await this.rows.get(PARTITION, site);
    return found ? Object.keys(living(found.value, now)).length : 0;
  }

  private async total(now: number): Promise<number> {
    if (now - this.sum.at < TOTAL_FRESH_MS) return this.sum.jobs;
    let jobs = 0;
    for await (const { value } of this.rows.list(PARTITION))
      jobs += Object.keys(living(value, now)).length;
    this.sum = { jobs, at: now };
    return jobs;
  }

  private async change(site: string, change: (slots: Slots) => Slots | undefined): Promise<void> {
    for (;;) {
      if (await this.rows.update(PARTITION, site, change)) return;
      const first = change({ holders: {} });
      if (!first || (await this.rows.insert(PARTITION, site, first))) return;
    }
  }
}

/** The same for every run of the round, because the job is. */
const holderOf = ({ taskId, round, segment }: PackageRef) => `${taskId}.R${round}.${pad(segment)}`;

const living = ({ holders }: Slots, now: number) =>
  Object.fromEntries(Object.entries(holders).filter(([, until]) => until > now));
