import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { isTerminal, type JobEvent, parseJobEvent } from "../../destinations/jobEvents.ts";
import {
  deleteMessage,
  openEnvelope,
  openMessage,
  receiveMessages,
} from "../../destinations/jobQueue.ts";
import type { PackageRecord, Target } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import type { PackageRef } from "../../stores/rounds/refs.ts";
import { readNews, writeNews } from "../../stores/rounds/roundBlobs.ts";
import { openContainers } from "./packageContainers.ts";

/** What SharePoint has said about a job since somebody last asked. */
export interface JobNews {
  /** Events that decide: since the last time, or all that are known when none are new and the queue is empty. */
  events: JobEvent[];
  /** Where to go on. */
  token: string;
  isNews: boolean;
}

type App = Pick<
  Services,
  "destination" | "state" | "keys" | "config" | "packageBlobs" | "regionalBlobs"
>;
type Job = PackageRecord & { job: string };

/**
 * News of a package's job, from its progress or, if it has one, from its queue. Undefined when SharePoint does not know the job any
 * more. A queue delivers twice, late and in any order: its events are kept before they are deleted, and an end counts when the
 * queue has nothing to add.
 */
export async function jobNews(
  app: App,
  ref: PackageRef,
  pkg: Job,
  target: Target,
  token = "0",
): Promise<JobNews | undefined> {
  const queueUrl = await queueOf(app, ref, pkg);
  const queue = queueUrl && (await fromQueue(app, ref, pkg, queueUrl).catch(unlessExpired));
  if (queue) return { ...queue, token };
  const page = await app.destination.progress(target, pkg.job, token);
  if (!page) return undefined;
  const events = await opened(app, ref, pkg, page.events);
  return { events, token: page.token, isNews: page.token !== token };
}

/** Everything that is known of a job that is over. */
export async function allJobNews(
  app: App,
  ref: PackageRef,
  pkg: Job,
  target: Target,
): Promise<JobEvent[]> {
  const kept = pkg.containers?.queue ? await keptEvents(app, ref, pkg) : [];
  if (kept.some(isTerminal)) return kept;
  const events = await app.destination.events(target, pkg.job);
  return [...kept, ...(await opened(app, ref, pkg, events))];
}

const keptEvents = async ({ state }: App, ref: PackageRef, { attempt }: PackageRecord) =>
  (await readNews(state.plans, ref, attempt)).map(parseJobEvent);

async function queueOf(app: App, ref: PackageRef, pkg: Job): Promise<string | undefined> {
  if (!pkg.containers?.queue) return undefined;
  const open = await openContainers(app, ref, pkg).catch(unlessExpired);
  return open?.queueUrl;
}

/** When key or queue do not serve any more, there still is the progress. */
function unlessExpired(error: unknown): undefined {
  if (error instanceof LongshoreError && error.code === "CONTAINER_EXPIRED") return undefined;
  throw error;
}

async function fromQueue(app: App, ref: PackageRef, pkg: Job, queueUrl: string) {
  const { key } = await openContainers(app, ref, pkg);
  const messages = await receiveMessages(queueUrl);
  const opening = messages.map((message) => ({ message, event: openMessage(message.text, key) }));
  // Whatever else is in the queue is not ours to delete.
  const ours = opening.filter(({ event }) => isOf(event, pkg.job));
  const events = ours.map(({ event }) => event);
  if (events.length > 0) await writeNews(app.state.plans, ref, pkg.attempt, events);
  for (const { message } of ours) await deleteMessage(queueUrl, message);
  if (events.length > 0) return { events: [], isNews: true };
  return { events: await keptEvents(app, ref, pkg), isNews: false };
}

const isOf = (event: string, job: string): boolean =>
  parseJobEvent(event).job.toLowerCase() === job.toLowerCase();

/** The progress of an encrypted job comes in clear, as far as anybody has seen; in an envelope it is understood as well. */
async function opened(
  app: App,
  ref: PackageRef,
  pkg: Job,
  events: readonly JobEvent[],
): Promise<JobEvent[]> {
  if (!events.some(({ event }) => event === "")) return [...events];
  const { key } = await openContainers(app, ref, pkg);
  return events.map((each) =>
    each.event === "" ? parseJobEvent(openEnvelope(each.text, key)) : each,
  );
}
