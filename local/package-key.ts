import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  certificateFolder,
  identityEndpoint,
  type Machine,
  PACKAGE_KEY,
  vaultUrl,
} from "./parts.ts";

/**
 * Makes the key that wraps the content keys of packages, once per vault. In Azure the deployment does this. The note that
 * it was done lies in the vault's own folder, so that the two can only go together.
 */
export async function ensurePackageKey(machine: Machine): Promise<void> {
  const note = join(machine.data, "key-vault", `${PACKAGE_KEY}.created`);
  if (existsSync(note)) return;
  // Loaded here because most starts do not need them, and they take longer to load than the vault takes to start.
  const [{ ManagedIdentityCredential }, { KeyClient }] = await Promise.all([
    import("@azure/identity"),
    import("@azure/keyvault-keys"),
  ]);
  process.env.IDENTITY_ENDPOINT = identityEndpoint(machine);
  process.env.IDENTITY_HEADER = machine.secrets.identityHeader;
  const client = new KeyClient(vaultUrl(machine), new ManagedIdentityCredential(), {
    disableChallengeResourceVerification: true,
    tlsOptions: { ca: readFileSync(join(certificateFolder(machine), "certificate.pem")) },
  });
  const exists = await client.getKey(PACKAGE_KEY).then(
    () => true,
    (error: { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
      return false;
    },
  );
  if (!exists) await client.createRsaKey(PACKAGE_KEY, { keySize: 2048 });
  writeFileSync(note, "");
}
