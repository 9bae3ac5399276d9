import type { PackageRecord } from "../domain/records.ts";
import type { Services } from "../services.ts";

/**
 * Takes the content away from an attempt that is given up. SharePoint may have accepted its job although nobody noted that down;
 * such a job then finds nothing to import beside the next attempt. The manifests stay, with what SharePoint wrote there.
 */
export async function retireAttempt(
  { packageBlobs }: Pick<Services, "packageBlobs">,
  { containers }: Pick<PackageRecord, "containers">,
): Promise<void> {
  if (containers) await packageBlobs.getContainerClient(containers.data).deleteIfExists();
}
