import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { BlobServiceClient } from "@azure/storage-blob";
import type { TargetIds } from "./client.ts";
import { newPackage, type UploadedPackage } from "./upload.ts";

export const fixtures = new URL("../../../test/fixtures/migration-package/", import.meta.url);

const exampleIds: Record<keyof Omit<TargetIds, "siteId">, string> = {
  webId: "26d5536b-49fb-5f55-aa5f-7feb7732d508",
  webRootFolderId: "26bb3079-c9ad-5a0d-bd2b-153237fa85e9",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
  rootFolderId: "ab714ccd-9960-59ad-afab-80b5fcca4745",
};

/** The XML files of an example package, made for the target with these ids (site "finance", library "Documents"). */
export async function exampleMetadata(
  variant: "single" | "split",
  ids: TargetIds,
): Promise<Map<string, string>> {
  const folder = new URL(`example/${variant}/metadata/`, fixtures);
  const files = new Map<string, string>();
  for (const name of await readdir(folder)) {
    let text = readFileSync(new URL(name, folder), "utf8");
    for (const [key, id] of Object.entries(exampleIds)) {
      text = text.replaceAll(id, ids[key as keyof TargetIds]);
    }
    files.set(name, text);
  }
  return files;
}

export interface CryptoVectors {
  keyBase64: string;
  blobs: {
    container: string;
    name: string;
    plainBase64: string;
    ivBase64: string;
    cipherBase64: string;
    md5OfCipherBase64: string;
  }[];
}

export const vectors: CryptoVectors = JSON.parse(
  readFileSync(new URL("vectors.json", fixtures), "utf8"),
);

/** Uploads an example package with the key and the IVs of the vectors. `change` may edit a metadata file. */
export async function uploadExample(
  service: BlobServiceClient,
  ids: TargetIds,
  variant: "single" | "split" = "single",
  change: (name: string, text: string) => string | undefined = (_name, text) => text,
): Promise<UploadedPackage> {
  const pkg = await newPackage(service, Buffer.from(vectors.keyBase64, "base64"));
  for (const blob of vectors.blobs.filter(({ container }) => container === "data")) {
    await pkg.putData(blob.name, Buffer.from(blob.plainBase64, "base64"), {
      iv: Buffer.from(blob.ivBase64, "base64"),
    });
  }
  for (const [name, text] of await exampleMetadata(variant, ids)) {
    const changed = change(name, text);
    if (changed !== undefined) await pkg.putMetadata(name, changed);
  }
  return pkg;
}
