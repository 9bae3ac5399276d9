import { BlobServiceClient } from "@azure/storage-blob";
import { expect, it } from "@jest/globals";
import { target } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { makeContainers, openContainers } from "./packageContainers.ts";

const { around, app } = controlPlane();
const ref = { taskId: "sess0000-task0000", round: 0, run: "run000", segment: 3 };

const regional = (...hosts: string[]) => {
  const account = BlobServiceClient.fromConnectionString(around.storage.connection);
  return { ...app, regionalBlobs: new Map(hosts.map((host) => [host, account])) };
};

it.each([
  [
    "https://contosoeur.sharepoint.com/sites/a",
    ["contosoeur.sharepoint.com"],
    "contosoeur.sharepoint.com",
  ],
  [
    "https://CONTOSOEUR.sharepoint.com/sites/a",
    ["contosoeur.sharepoint.com"],
    "contosoeur.sharepoint.com",
  ],
  [
    "https://contosoeur-my.sharepoint.com/personal/ada",
    ["contosoeur.sharepoint.com"],
    "contosoeur.sharepoint.com",
  ],
  [
    "https://contosoeur-my.sharepoint.com/personal/ada",
    ["contosoeur.sharepoint.com", "contosoeur-my.sharepoint.com"],
    "contosoeur-my.sharepoint.com",
  ],
  ["https://contoso.sharepoint.com/sites/a", ["contosoeur.sharepoint.com"], undefined],
  ["https://contoso-my.sharepoint.com/personal/ada", ["contosoeur.sharepoint.com"], undefined],
])("packages for %s travel through the storage named for %j", async (origin, hosts, storage) => {
  const near = regional(...hosts);
  const made = await makeContainers(near, ref, target({ origin }));
  expect(made.containers.storage).toBe(storage);
  const { manifests } = await openContainers(near, ref, made);
  expect(await manifests.exists()).toBe(true);
});
