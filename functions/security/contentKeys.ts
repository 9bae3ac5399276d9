import { randomBytes } from "node:crypto";
import type { TokenCredential } from "@azure/identity";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { Config } from "../config.ts";
import type { PackageRecord } from "../domain/records.ts";
import type { DoneAuditEntry } from "../stores/audit.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";

type StoredKey = NonNullable<PackageRecord["key"]>;

/** A content key is good for as long as the SAS of its containers. */
export const KEY_LIFETIME_MS = 3 * 24 * 3600_000;
const CACHED_KEYS = 64;
const ALGORITHM = "RSA-OAEP-256";

/**
 * Content keys of packages: 32 random bytes, stored only as wrapped by the key vault's RSA key. Unwrapped keys stay in
 * memory for the packages in hand, so that a package costs two operations of the vault however many hands it goes through.
 */
export class ContentKeys {
  private readonly clients = new Map<string, CryptographyClient>();
  private readonly unwrapped = new Map<string, Buffer>();
  private readonly config: Config;
  private readonly credential: TokenCredential;
  private readonly noteUnwrap: (use: PackageRef) => Promise<void>;
  private current: Promise<CryptographyClient> | undefined;

  constructor(
    config: Config,
    credential: TokenCredential,
    noteUnwrap: (use: PackageRef) => Promise<void>,
  ) {
    this.config = config;
    this.credential = credential;
    this.noteUnwrap = noteUnwrap;
  }

  create(now: number): Promise<StoredKey> {
    return this.wrap(randomBytes(32), now);
  }

  /** A key from elsewhere (SharePoint makes those of its own containers), as it may be stored. */
  async wrap(key: Buffer, now: number): Promise<StoredKey> {
    const wrapped = await this.guard(async () => {
      const client = await this.wrappingClient();
      return client.wrapKey(ALGORITHM, key);
    });
    const stored = {
      id: wrapped.keyID as string,
      wrapped: Buffer.from(wrapped.result).toString("base64"),
      createdAt: new Date(now).toISOString(),
    };
    this.remember(stored.wrapped, key);
    return stored;
  }

  /**
   * The key itself. Refused after the containers have expired: nothing is left that it could be used for. That the vault is asked is
   * noted first, with what the key is for.
   */
  async unwrap(stored: StoredKey, now: number, use: PackageRef): Promise<Buffer> {
    if (now - Date.parse(stored.createdAt) > KEY_LIFETIME_MS)
      throw new LongshoreError("CONTAINER_EXPIRED", "the package's key is older than three days");
    const known = this.unwrapped.get(stored.wrapped);
    if (known) return known;
    await this.noteUnwrap(use);
    const { result } = await this.guard(() =>
      this.client(stored.id).unwrapKey(ALGORITHM, Buffer.from(stored.wrapped, "base64")),
    );
    const key = Buffer.from(result);
    this.remember(stored.wrapped, key);
    return key;
  }

  private remember(wrapped: string, key: Buffer): void {
    this.unwrapped.set(wrapped, key);
    const oldest = this.unwrapped.keys().next().value;
    if (this.unwrapped.size > CACHED_KEYS && oldest !== undefined) this.unwrapped.delete(oldest);
  }

  /** The client for the newest version of the key. Each client costs one challenge, so they are kept. */
  private wrappingClient(): Promise<CryptographyClient> {
    this.current ??= new KeyClient(this.config.KEY_VAULT_URL, this.credential, this.clientOptions())
      .getKey(this.config.KEY_VAULT_KEY)
      .then((key) => this.client(key.id as string))
      .catch((error: unknown) => {
        this.current = undefined;
        throw error;
      });
    return this.current;
  }

  private client(keyId: string): CryptographyClient {
    let client = this.clients.get(keyId);
    if (!client) {
      client = new CryptographyClient(keyId, this.credential, this.clientOptions());
      this.clients.set(keyId, client);
    }
    return client;
  }

  private clientOptions() {
    return { disableChallengeResourceVerification: !this.config.KEY_VAULT_VERIFY_CHALLENGE };
  }

  private async guard<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw new LongshoreError("KEY_UNAVAILABLE", `the key vault answered: ${String(error)}`, {
        cause: error,
      });
    }
  }
}

/** What the audit trail says of an unwrap. */
export const unwrapEntry = ({ taskId, round, segment }: PackageRef): DoneAuditEntry => ({
  ...{ actor: "system", actorId: "system", role: "system", action: "unwrapKey", status: 200 },
  ids: { task: taskId, round: `R${round}`, package: `${segment}` },
});
