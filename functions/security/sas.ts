import {
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  SASProtocol,
  type UserDelegationKey,
} from "@azure/storage-blob";
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

/** Not the SDK's newest: emulators do not know how that is signed, and what reads at SharePoint may be older, too. */
const VERSION = "2021-12-02";

/** Clocks differ. */
const SKEW_MS = 5 * 60_000;

/**
 * A URL of the container with a SAS for the purpose, signed with the account's key or, where the app opens the account under its
 * own identity, with a key that storage delegates to that identity.
 */
export async function sasUrl(
  container: ContainerClient,
  purpose: keyof typeof RIGHTS,
  now: number,
): Promise<string> {
  const options = {
    version: VERSION,
    permissions: ContainerSASPermissions.parse(RIGHTS[purpose]),
    // What travels over https must not be usable without.
    ...(container.url.startsWith("https:") && { protocol: SASProtocol.Https }),
    startsOn: new Date(now - SKEW_MS),
    expiresOn: new Date(now + KEY_LIFETIME_MS),
  };
  if (!("getToken" in container.credential)) return container.generateSasUrl(options);
  return container.generateUserDelegationSasUrl(options, await delegatedKey(container, now));
}

/** Storage delegates a key for seven days at most (MS docs, Get User Delegation Key). */
const DELEGATED_MS = 7 * 24 * 3_600_000 - 2 * SKEW_MS;

/** By account. */
const delegated = new Map<string, Promise<UserDelegationKey>>();

/** A key that lasts longer than a SAS that is signed with it now. */
async function delegatedKey(container: ContainerClient, now: number): Promise<UserDelegationKey> {
  const account = container.url.slice(0, container.url.lastIndexOf("/"));
  const known = await delegated.get(account);
  if (known && known.signedExpiresOn.getTime() > now + KEY_LIFETIME_MS + SKEW_MS) return known;
  const asked = new BlobServiceClient(account, container.credential).getUserDelegationKey(
    new Date(now - SKEW_MS),
    new Date(now + DELEGATED_MS),
  );
  delegated.set(account, asked);
  return asked.catch((error: unknown) => {
    delegated.delete(account);
    throw error;
  });
}
