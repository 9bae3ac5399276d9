import { type ContainerClient, RestError } from "@azure/storage-blob";
import { z } from "zod";
import type { Resolved } from "../domain/people/packagePeople.ts";
import { reportFolder as roundFolder } from "./rounds/roundBlobs.ts";
import { retryConflicts } from "./storage/documents.ts";

/** The user map of all sessions, the copy that a round works with, and whom the round has found at the destination. */

type RoundRef = { taskId: string; round: number };

const MAP = "user-map.csv";
const copyName = (ref: RoundRef) => `${roundFolder(ref)}user-map.csv`;
const peopleName = (ref: RoundRef) => `${roundFolder(ref)}people.json`;

/** The map as text; empty as long as nobody has given one. */
export const readUserMapText = async (plans: ContainerClient): Promise<string> =>
  (await readText(plans, MAP)).text;

/** Replaces the map. `check` may refuse after seeing what it is now. */
export const replaceUserMapText = (
  plans: ContainerClient,
  text: string,
  check: (now: string) => void,
): Promise<void> =>
  retryConflicts(async () => {
    const { text: now, etag } = await readText(plans, MAP);
    check(now);
    await writeText(plans, MAP, text, etag);
  });

/** Makes the map of this moment the one that the run works with, and forgets whom an earlier run has found. */
export async function beginPeople(plans: ContainerClient, ref: RoundRef): Promise<void> {
  await plans.getBlobClient(peopleName(ref)).deleteIfExists();
  await put(plans, copyName(ref), await readUserMapText(plans));
}

export const readRoundMap = async (plans: ContainerClient, ref: RoundRef): Promise<string> =>
  (await readText(plans, copyName(ref))).text;

const resolvedSchema = z.union([
  z.object({ login: z.string(), name: z.string(), email: z.string(), isGroup: z.boolean() }),
  z.object({ why: z.string() }),
]);
const peopleSchema = z.array(z.tuple([z.string(), resolvedSchema]));

export const readPeople = async (
  plans: ContainerClient,
  ref: RoundRef,
): Promise<Map<string, Resolved>> => peopleIn((await readText(plans, peopleName(ref))).text);

/** Adds whom a package has asked for; what another one was answered first stands. Returns everybody. */
export const addPeople = (
  plans: ContainerClient,
  ref: RoundRef,
  found: ReadonlyMap<string, Resolved>,
): Promise<Map<string, Resolved>> =>
  retryConflicts(async () => {
    const { text, etag } = await readText(plans, peopleName(ref));
    const all = new Map([...found, ...peopleIn(text)]);
    await writeText(plans, peopleName(ref), JSON.stringify([...all]), etag);
    return all;
  });

const peopleIn = (text: string): Map<string, Resolved> =>
  new Map(text === "" ? [] : peopleSchema.parse(JSON.parse(text)));

async function readText(
  container: ContainerClient,
  name: string,
): Promise<{ text: string; etag?: string | undefined }> {
  const blob = container.getBlobClient(name);
  try {
    const { etag } = await blob.getProperties();
    const conditions = etag === undefined ? {} : { conditions: { ifMatch: etag } };
    const body = await blob.downloadToBuffer(0, undefined, conditions);
    return { text: body.toString("utf8"), etag };
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return { text: "" };
    if (isChanged(error)) return readText(container, name);
    throw error;
  }
}

/** Only over the version with this ETag; without one, only where there is none. */
const writeText = (container: ContainerClient, name: string, text: string, etag?: string) =>
  put(container, name, text, etag === undefined ? { ifNoneMatch: "*" } : { ifMatch: etag });

async function put(
  container: ContainerClient,
  name: string,
  text: string,
  conditions: { ifMatch?: string; ifNoneMatch?: string } = {},
): Promise<void> {
  await container.getBlockBlobClient(name).upload(text, Buffer.byteLength(text), { conditions });
}

const isChanged = (error: unknown) => error instanceof RestError && error.statusCode === 412;
