import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import {
  type BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";

export interface Encrypted {
  stored: Buffer;
  iv: Buffer;
  /** Base64 MD5 of the stored bytes. */
  md5: string;
}

/** Stores a content as it is when there is no key. */
export function encrypt(
  plain: Uint8Array | string,
  key: Buffer | undefined,
  iv = randomBytes(16),
): Encrypted {
  const cipher = key && createCipheriv("aes-256-cbc", key, iv);
  const bytes = typeof plain === "string" ? Buffer.from(plain, "utf8") : Buffer.from(plain);
  const stored = cipher ? Buffer.concat([cipher.update(bytes), cipher.final()]) : bytes;
  return { stored, iv, md5: createHash("md5").update(stored).digest("base64") };
}

/** One package in two fresh containers. Everything that is put is encrypted, and has IV, MD5 and a snapshot. */
export interface UploadedPackage {
  /** Undefined: the package is not encrypted. */
  key: Buffer | undefined;
  putData(name: string, plain: Uint8Array | string, options?: PutOptions): Promise<Encrypted>;
  putMetadata(name: string, plain: Uint8Array | string, options?: PutOptions): Promise<Encrypted>;
  /** Downloads and decrypts a blob of the metadata container; undefined if it is not there. */
  readMetadata(name: string): Promise<string | undefined>;
  /** The container URLs with a SAS for SharePoint. */
  uris(dataPermissions?: string, metadataPermissions?: string): { data: string; metadata: string };
}

/** What to leave out or do wrong. */
export interface PutOptions {
  iv?: "none" | Buffer;
  snapshot?: boolean;
  /** Upload in blocks: then nobody computes the MD5. */
  withoutMd5?: boolean;
}

export async function newPackage(
  service: BlobServiceClient,
  secret: Buffer | null = randomBytes(32),
  provided?: { data: string; metadata: string },
): Promise<UploadedPackage> {
  const key = secret ?? undefined;
  const own = (name: string) => service.getContainerClient(`${name}-${randomUUID()}`);
  const data = provided ? new ContainerClient(provided.data) : own("data");
  const metadata = provided ? new ContainerClient(provided.metadata) : own("metadata");
  if (!provided) await Promise.all([data.create(), metadata.create()]);

  const put = async (
    container: typeof data,
    name: string,
    plain: Uint8Array | string,
    options: PutOptions = {},
  ): Promise<Encrypted> => {
    const blob = container.getBlockBlobClient(name);
    const encrypted = encrypt(
      plain,
      key,
      Buffer.isBuffer(options.iv) ? Buffer.from(options.iv) : undefined,
    );
    const settings =
      options.iv === "none" ? {} : { metadata: { IV: encrypted.iv.toString("base64") } };
    if (options.withoutMd5) {
      const block = Buffer.from("block-0").toString("base64");
      await blob.stageBlock(block, encrypted.stored, encrypted.stored.length);
      await blob.commitBlockList([block], settings);
    } else {
      await blob.upload(encrypted.stored, encrypted.stored.length, settings);
    }
    if (options.snapshot !== false) await blob.createSnapshot();
    return encrypted;
  };
  const sas = (container: typeof data, permissions: string) => {
    const query = generateBlobSASQueryParameters(
      {
        containerName: container.containerName,
        permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 60_000),
        expiresOn: new Date(Date.now() + 3600_000),
      },
      service.credential as StorageSharedKeyCredential,
    );
    return `${container.url}?${query}`;
  };

  return {
    key,
    putData: (name, plain, options) => put(data, name, plain, options),
    putMetadata: (name, plain, options) => put(metadata, name, plain, options),
    async readMetadata(name) {
      const blob = metadata.getBlobClient(name);
      if (!(await blob.exists())) return undefined;
      const iv = (await blob.getProperties()).metadata?.iv;
      const stored = await blob.downloadToBuffer();
      if (!key) return stored.toString("utf8");
      const decipher = createDecipheriv("aes-256-cbc", key, Buffer.from(iv ?? "", "base64"));
      return Buffer.concat([decipher.update(stored), decipher.final()]).toString("utf8");
    },
    uris: (dataPermissions = "rl", metadataPermissions = "rlw") =>
      provided ?? {
        data: sas(data, dataPermissions),
        metadata: sas(metadata, metadataPermissions),
      },
  };
}
