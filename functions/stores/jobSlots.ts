import type { TableClient } from "@azure/data-tables";
import { z } from "zod";
import type { Config } from "../config.ts";
import { type PackageRef, pad } from "./rounds/refs.ts";
import { Documents } from "./storage/documents.ts";
import { RowMemory } from "./storage/rowMemory.ts";

const times = z.record(z.string(), z.number());

/** Of one site collection; times are milliseconds since 1970. */
const slotsSchema = z.object({
  /** Who has a job there, and until when that is believed without a word. */
  holders: times,
  /** Their jobs, as far as SharePoint has named them. */
  jobs: z.record(z.string(), z.string()).default({}),
  /** Who waits for a slot, in the order in which they came, and when each asked last. */
  waiting: z.array(z.object({ holder: z.string(), askedAt: z.number() })).default([]),
});
type Slots = z.infer<typeof slotsSchema>;

export interface SlotLimits {
  perSite: number;
  /** Of all sites together. SharePoint wants no more than 5,000 jobs in its queue. */
  total: number;
}

/** A job whose follower has said nothing of it for a while. */
export interface SilentJob {
  holder: string;
  job: string;
}

export const slotLimits = (config: Config): SlotLimits => ({
  perSite: config.IMPORT_JOBS_PER_SITE,
  total: config.IMPORT_JOBS_TOTAL,
});

const PARTITION = "jobs";
/** After this long without a word a slot is free again, whatever became of its follower and its job. */
const LEASE_MS = 10 * 60_000;
/** A job is looked after about once a minute; of one that was not for so long somebody else asks SharePoint. */
const SILENT_MS = 3 * 60_000;
const SAID_AGAIN_MS = 60_000;
/** Who waits asks every few seconds; who has not asked for so long holds nobody up, and later loses its place. */
const PATIENT_MS = 60_000;
const PLACE_KEPT_MS = 15 * 60_000;
/**
 * A row's text has 32,000 characters, which 200 jobs and so many in line nearly fill. When the line is full those lose their place at
 * once who have not asked for long; others join it later.
 */
const LONGEST_LINE = 100;
/** The sum over all sites is a guard, not a measure: it may be this old. */
const TOTAL_FRESH_MS = 5_000;

/**
 * How many import jobs are at SharePoint, per site collection and over all tasks: one row per site, changed under its ETag.
 * SharePoint runs few jobs of a site at a time and cancels what waits for too long, so a package waits here instead, first come, first
 * served. Slots are leases: what a crash leaves behind ends by itself, sooner when SharePoint says that the job is over, and who
 * still follows its job takes its slot again.
 */
export class JobSlots {
  private readonly rows: Documents<Slots>;
  private readonly limits: SlotLimits;
  private sum = { jobs: 0, at: 0 };

  constructor(table: TableClient, limits: SlotLimits) {
    this.rows = new Documents(table, slotsSchema, new RowMemory());
    this.limits = limits;
  }

  /**
   * A slot for the package's job, unless the site or SharePoint as a whole has as many as it may have, or others have waited for
   * longer. Who gets none is in line from then on, and keeps its place by asking again.
   */
  async take(site: string, ref: PackageRef, now: number): Promise<boolean> {
    const isFull = (await this.total(now)) >= this.limits.total;
    const holder = holderOf(ref);
    let taken = false;
    await this.change(site, (slots) => {
      const alive = living(slots, now);
      const line = inLine(alive, holder, now);
      const free = isFull ? 0 : this.limits.perSite - Object.keys(alive.holders).length;
      const place = line.filter(isPatient(now)).findIndex((each) => each.holder === holder);
      taken = holder in alive.holders || (place < 0 ? free > line.length : place < free);
      if (!taken) return { ...alive, waiting: line };
      return withHolder({ ...alive, waiting: line }, holder, now);
    });
    return taken;
  }

  /**
   * The job is still there, and what SharePoint calls it. It is counted even if there are too many then: it runs, whatever we
   * think.
   */
  async keep(site: string, ref: PackageRef, now: number, job?: string): Promise<void> {
    const holder = holderOf(ref);
    const isSaid = ({ holders, jobs }: Slots) =>
      (holders[holder] ?? 0) - now > LEASE_MS - SAID_AGAIN_MS &&
      (job === undefined || jobs[holder] === job);
    // What this process said itself it need not look up.
    const seen = this.rows.recall(PARTITION, site);
    if (seen && isSaid(seen.value)) return;
    await this.change(site, (slots) =>
      isSaid(slots) ? undefined : withHolder(living(slots, now), holder, now, job),
    );
  }

  /** The slot is free, and the place in line is given up. */
  async release(site: string, ref: PackageRef): Promise<void> {
    await this.free(site, holderOf(ref));
  }

  /** Jobs that nobody has said a word of for a while. Whoever asks SharePoint of them says what it answered: `free` or `stillThere`. */
  async silent(site: string, now: number): Promise<SilentJob[]> {
    const found = await this.rows.get(PARTITION, site);
    if (!found) return [];
    const { holders, jobs } = living(found.value, now);
    return Object.entries(holders).flatMap(([holder, until]) => {
      const job = jobs[holder];
      return job !== undefined && until - now < LEASE_MS - SILENT_MS ? [{ holder, job }] : [];
    });
  }

  async stillThere(site: string, { holder }: SilentJob, now: number): Promise<void> {
    await this.rows.update(PARTITION, site, (slots) =>
      holder in slots.holders ? withHolder(slots, holder, now) : undefined,
    );
  }

  /** Frees a slot, unless its package has another job by now. */
  async free(site: string, holder: string, job?: string): Promise<void> {
    await this.rows.update(PARTITION, site, (slots) => {
      if (job !== undefined && slots.jobs[holder] !== job) return undefined;
      const waiting = slots.waiting.filter((each) => each.holder !== holder);
      const isThere = holder in slots.holders || waiting.length < slots.waiting.length;
      return isThere
        ? { waiting, holders: without(slots.holders, holder), jobs: without(slots.jobs, holder) }
        : undefined;
    });
  }

  /** Jobs at a site now. */
  async count(site: string, now: number): Promise<number> {
    const found = await this.rows.get(PARTITION, site);
    return found ? Object.keys(living(found.value, now).holders).length : 0;
  }

  private async total(now: number): Promise<number> {
    if (now - this.sum.at < TOTAL_FRESH_MS) return this.sum.jobs;
    let jobs = 0;
    for await (const { value } of this.rows.list(PARTITION))
      jobs += Object.keys(living(value, now).holders).length;
    this.sum = { jobs, at: now };
    return jobs;
  }

  private async change(site: string, change: (slots: Slots) => Slots | undefined): Promise<void> {
    for (;;) {
      if (await this.rows.update(PARTITION, site, change)) return;
      const first = change({ holders: {}, jobs: {}, waiting: [] });
      if (!first || (await this.rows.insert(PARTITION, site, first))) return;
    }
  }
}

/** The same for every run of the round, because the job is. */
const holderOf = ({ taskId, round, segment }: PackageRef) => `${taskId}.R${round}.${pad(segment)}`;

/** What is left of the row when everybody is gone whose time is over. */
function living({ holders, jobs, waiting }: Slots, now: number): Slots {
  const alive = Object.fromEntries(Object.entries(holders).filter(([, until]) => until > now));
  return {
    holders: alive,
    jobs: Object.fromEntries(Object.entries(jobs).filter(([holder]) => holder in alive)),
    waiting: waiting.filter(({ askedAt }) => now - askedAt < PLACE_KEPT_MS),
  };
}

/** The line, with the one who asks at its place, or at the end if there is room. */
function inLine({ waiting }: Slots, holder: string, now: number): Slots["waiting"] {
  if (waiting.some((each) => each.holder === holder))
    return waiting.map((each) => (each.holder === holder ? { holder, askedAt: now } : each));
  const line = waiting.length < LONGEST_LINE ? waiting : waiting.filter(isPatient(now));
  return line.length < LONGEST_LINE ? [...line, { holder, askedAt: now }] : line;
}

const isPatient =
  (now: number) =>
  ({ askedAt }: Slots["waiting"][number]): boolean =>
    now - askedAt < PATIENT_MS;

const withHolder = (slots: Slots, holder: string, now: number, job?: string): Slots => ({
  holders: { ...slots.holders, [holder]: now + LEASE_MS },
  jobs: job === undefined ? slots.jobs : { ...slots.jobs, [holder]: job },
  waiting: slots.waiting.filter((each) => each.holder !== holder),
});

const without = <T>(of: Readonly<Record<string, T>>, key: string): Record<string, T> => {
  const { [key]: _gone, ...rest } = of;
  return rest;
};
