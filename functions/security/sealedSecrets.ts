import type { TokenCredential } from "@azure/identity";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Config } from "../config.ts";

const ALGORITHM = "RSA-OAEP-256";

/** A secret as it may be stored: only the key vault can open it. */
export interface Sealed {
  keyId: string;
  sealed: string;
}

/** Seals short secrets (webhooks') with the key vault's key, and opens them; opened ones stay in memory. */
export class SealedSecrets {
  private readonly opened = new Map<string, Buffer>();
  private readonly config: Config;
  private readonly credential: TokenCredential;

  constructor(config: Config, credential: TokenCredential) {
    this.config = config;
    this.credential = credential;
  }

  seal(secret: Uint8Array): Promise<Sealed> {
    return guarded(async () => {
      const { KEY_VAULT_URL, KEY_VAULT_KEY } = this.config;
      const vault = new KeyClient(KEY_VAULT_URL, this.credential, this.options());
      const { id } = await vault.getKey(KEY_VAULT_KEY);
      const { result } = await this.client(id as string).wrapKey(ALGORITHM, secret);
      return { keyId: id as string, sealed: Buffer.from(result).toString("base64") };
    });
  }

  async open({ keyId, sealed }: Sealed): Promise<Buffer> {
    const known = this.opened.get(sealed);
    if (known) return known;
    const { result } = await guarded(() =>
      this.client(keyId).unwrapKey(ALGORITHM, Buffer.from(sealed, "base64")),
    );
    const secret = Buffer.from(result);
    this.opened.set(sealed, secret);
    return secret;
  }

  private client(keyId: string): CryptographyClient {
    return new CryptographyClient(keyId, this.credential, this.options());
  }

  private options() {
    return { disableChallengeResourceVerification: !this.config.KEY_VAULT_VERIFY_CHALLENGE };
  }
}

async function guarded<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw new LongshoreError("KEY_UNAVAILABLE", `the key vault answered: ${String(cause)}`, {
      cause,
    });
  }
}
