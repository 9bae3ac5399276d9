import { encryptBuffer } from "../../shared/package/cipher.ts";
import { writeManifests } from "../../shared/package/manifest/index.ts";
import { isNotUploaded } from "../domain/packages/outcomes.ts";
import { packageManifest } from "../domain/packages/packageManifest.ts";
import { inParallel } from "../operations/inParallel.ts";
import { guardLent, openContainers } from "../operations/packages/packageContainers.ts";
import { peopleOfPlan } from "../operations/packages/roundPeople.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { readPlan, readUpload } from "../stores/rounds/roundBlobs.ts";
import { defineActivity } from "./activity.ts";

/** Manifests are written at the same time; there are nine at most. */
const MANIFESTS_AT_ONCE = 4;

/**
 * Writes the manifests, from what was really uploaded. Each is encrypted like every blob of the package: own IV in the
 * metadata, MD5 of the ciphertext, and a snapshot, because SharePoint reads the latest snapshot and not the blob (MS docs:
 * migration-azure). `objects` counts what there is to import.
 */
export const sealPackage = defineActivity("sealPackage", async (ref: PackageRef, app) => {
  const { rounds, state, config } = app;
  const pkg = await rounds.package(ref);
  const round = await rounds.current(ref);
  const plan = await readPlan(state.plans, ref, pkg.attempt);
  const upload = await readUpload(state.plans, ref, pkg);
  if (!plan || !round.target || !pkg.key || !pkg.containers || (pkg.files && !upload))
    throw new Error(`package ${ref.segment} has lost a part of its plan`);
  const input = packageManifest(plan, upload, round.target, {
    source: round.source,
    startedAt: Date.parse(round.startedAt),
    people: await peopleOfPlan(app, round, plan),
    listedVersions: config.MANIFEST_VERSIONS,
  });
  const objects = input.folders.length + input.files.length;
  if (pkg.state !== "planned") return { objects };
  // Files that the container did not take say nothing of themselves when it takes nothing at all.
  const isDoubtful = upload?.files.some(isNotUploaded) ?? false;
  if (objects === 0 && !isDoubtful) return { objects };

  const { key, manifests, check } = await openContainers(app, ref, pkg);
  if (isDoubtful) await check();
  if (objects === 0) return { objects };
  const write = inParallel(MANIFESTS_AT_ONCE, writeManifests(input), async ({ name, xml }) => {
    const { iv, data, md5 } = encryptBuffer(key, xml);
    const blob = manifests.getBlockBlobClient(name);
    await blob.upload(data, data.length, {
      blobHTTPHeaders: { blobContentMD5: Buffer.from(md5, "base64") },
      metadata: { IV: iv.toString("base64") },
    });
    await blob.createSnapshot();
  });
  await (pkg.containers.lent ? guardLent(pkg.key, () => write) : write);
  await rounds.advance(ref, "sealed");
  return { objects };
});
