import { RestError } from "@azure/storage-blob";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { PackageRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";
import type { PackageRef } from "../../stores/rounds/refs.ts";
import { accountOf, leaveLent, openContainers } from "./packageContainers.ts";

/** What no import begins without. */
const FIRST_MANIFEST = "SystemData.xml";

/**
 * Takes the content away from an attempt that is given up. SharePoint may have accepted its job although nobody noted that down;
 * such a job then finds nothing to import beside the next attempt. The manifests stay, with what SharePoint wrote there. From
 * containers that SharePoint lent nothing can be deleted: there the job finds a manifest that is empty.
 */
export async function retireAttempt(
  app: Services,
  ref: PackageRef,
  { key, containers }: Pick<PackageRecord, "key" | "containers">,
): Promise<void> {
  if (!containers) return;
  if (!containers.lent) {
    const blobs = accountOf(app, containers);
    await blobs.getContainerClient(containers.data).deleteIfExists();
    return;
  }
  await leaveLent(app, ref, containers);
  try {
    const { manifests } = await openContainers(app, ref, { key, containers });
    const blob = manifests.getBlockBlobClient(FIRST_MANIFEST);
    await blob.upload("", 0);
    await blob.createSnapshot();
  } catch (error) {
    // What nobody may write to any more, SharePoint cannot read for long either.
    const isOver =
      (error instanceof LongshoreError && error.code === "CONTAINER_EXPIRED") ||
      (error instanceof RestError && [401, 403, 404].includes(error.statusCode ?? 0));
    if (!isOver) throw error;
  }
}
