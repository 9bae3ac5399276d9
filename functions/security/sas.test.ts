import { BlobServiceClient, ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startStorage, type TestStorage } from "../../test/support/storage.ts";
import { KEY_LIFETIME_MS } from "./contentKeys.ts";
import { sasUrl } from "./sas.ts";

let storage: TestStorage;
let container: ContainerClient;
let other: ContainerClient;

beforeAll(async () => {
  storage = await startStorage();
  const service = BlobServiceClient.fromConnectionString(storage.connection);
  container = service.getContainerClient("package");
  other = service.getContainerClient("other");
  await Promise.all([container.create(), other.create()]);
  await container.getBlockBlobClient("there.dat").upload("content", 7);
});
afterAll(() => storage.stop());

const by = async (purpose: Parameters<typeof sasUrl>[1], now = Date.now()) =>
  new ContainerClient(await sasUrl(container, purpose, now), undefined, {
    retryOptions: { maxTries: 1 },
  });
/** What a holder of the SAS can do: each is tried for real. */
async function rights(holder: ContainerClient): Promise<string[]> {
  const tries: Record<string, () => Promise<unknown>> = {
    create: () => holder.getBlockBlobClient(`new-${Math.random()}.dat`).upload("new", 3),
    overwrite: () => holder.getBlockBlobClient("there.dat").upload("content", 7),
    block: () => holder.getBlockBlobClient("there.dat").stageBlock("AAAA", "new", 3),
    snapshot: () => holder.getBlockBlobClient("there.dat").createSnapshot(),
    read: () => holder.getBlobClient("there.dat").downloadToBuffer(),
    properties: () => holder.getBlobClient("there.dat").getProperties(),
    list: () => holder.listBlobsFlat().next(),
    delete: () => holder.getBlobClient("there.dat").delete(),
    deleteContainer: () => holder.delete(),
  };
  const granted: string[] = [];
  for (const [name, attempt] of Object.entries(tries)) {
    const status = await attempt().then(
      () => 200,
      (error: { statusCode?: number }) => error.statusCode,
    );
    if (status === 200) granted.push(name);
    else expect([name, status]).toEqual([name, 403]);
  }
  return granted;
}

describe("a SAS", () => {
  it("lets an agent create and write, nothing else", async () => {
    expect(await rights(await by("agentWrites"))).toEqual([
      ...["create", "overwrite", "block", "snapshot"],
    ]);
  });

  it("lets SharePoint read and list the data, nothing else", async () => {
    expect(await rights(await by("sharePointReadsData"))).toEqual(["read", "properties", "list"]);
  });

  it("lets SharePoint write its logs beside the manifests, and delete nothing", async () => {
    expect(await rights(await by("sharePointReadsManifest"))).toEqual([
      ...["create", "overwrite", "block", "snapshot", "read", "properties", "list"],
    ]);
  });

  it("is for one container", async () => {
    const url = new URL(await sasUrl(container, "agentWrites", Date.now()));
    const elsewhere = new ContainerClient(`${other.url}${url.search}`, undefined, {
      retryOptions: { maxTries: 1 },
    });
    const upload = elsewhere.getBlockBlobClient("x").upload("x", 1);
    await expect(upload).rejects.toMatchObject({ statusCode: 403 });
  });

  it("begins a little in the past and ends after three days", async () => {
    const now = Date.UTC(2026, 0, 10, 12);
    const { searchParams } = new URL(await sasUrl(container, "agentWrites", now));
    expect(searchParams.get("st")).toBe("2026-01-10T11:55:00Z");
    expect(searchParams.get("se")).toBe("2026-01-13T12:00:00Z");
    expect(searchParams.get("sp")).toBe("cw");
  });

  it("is over after that", async () => {
    const expired = await by("agentWrites", Date.now() - KEY_LIFETIME_MS - 60_000);
    expect(await rights(expired)).toEqual([]);
  });

  it("of an account with https is good for https alone", async () => {
    const connection = `DefaultEndpointsProtocol=https;AccountName=packages;AccountKey=${Buffer.alloc(64).toString("base64")};EndpointSuffix=core.windows.net`;
    const secure = BlobServiceClient.fromConnectionString(connection).getContainerClient("c");
    const url = await sasUrl(secure, "sharePointReadsData", Date.now());
    expect(new URL(url).searchParams.get("spr")).toBe("https");
    expect(new URL(url).searchParams.get("sp")).toBe("rl");
    expect(new URL((await by("agentWrites")).url).searchParams.get("spr")).toBeNull();
  });
});
