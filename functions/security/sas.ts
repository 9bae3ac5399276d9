import { type ContainerClient, ContainerSASPermissions, SASProtocol } from "@azure/storage-blob";
import { KEY_LIFETIME_MS } from "./contentKeys.ts";

/**
 * Container SAS by purpose. Each says exactly what its holder must do; SharePoint even refuses a job whose SAS allow more
 * (MS docs, migration-azure: data Read + List, manifest Read + List + Write).
 */
const RIGHTS = {
  agentWrites: "cw",
  sharePointReadsData: "rl",
  sharePointReadsManifest: "rlw",
} as const;

/** A URL of the container with a SAS for the purpose. It begins a little in the past, because clocks differ. */
export function sasUrl(
  container: ContainerClient,
  purpose: keyof typeof RIGHTS,
  now: number,
): Promise<string> {
  return container.generateSasUrl({
    permissions: ContainerSASPermissions.parse(RIGHTS[purpose]),
    // What travels over https must not be usable without.
    ...(container.url.startsWith("https:") && { protocol: SASProtocol.Https }),
    startsOn: new Date(now - 5 * 60_000),
    expiresOn: new Date(now + KEY_LIFETIME_MS),
  });
}
