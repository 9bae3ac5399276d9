import { expect, it } from "@jest/globals";
import { openAccount, readAccount } from "./storageAccount.ts";

const credential = { getToken: async () => null };
const KEY = Buffer.alloc(64).toString("base64");
const cloud = (host: string) => ({
  endpoints: {
    blob: `https://${host.replace("*", "blob")}`,
    table: `https://${host.replace("*", "table")}`,
  },
});

it.each([
  ["https://contoso.blob.core.windows.net", cloud("contoso.*.core.windows.net")],
  ["https://contoso.blob.core.usgovcloudapi.net/", cloud("contoso.*.core.usgovcloudapi.net")],
  ["AccountName=contoso", cloud("contoso.*.core.windows.net")],
  [
    "AccountName=contoso;EndpointSuffix=core.usgovcloudapi.net",
    cloud("contoso.*.core.usgovcloudapi.net"),
  ],
  [
    "BlobEndpoint=https://b.example/acc;TableEndpoint=https://t.example/acc/",
    { endpoints: { blob: "https://b.example/acc", table: "https://t.example/acc" } },
  ],
  [
    "https://files.contoso.com",
    { endpoints: { blob: "https://files.contoso.com", table: undefined } },
  ],
  ...[
    `DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=${KEY};EndpointSuffix=core.windows.net`,
    "UseDevelopmentStorage=true",
    "BlobEndpoint=https://b.example;SharedAccessSignature=sv=2024&sig=x",
  ].map((connection) => [connection, { connection }] as const),
])("%s says where the account is, and how it is opened", (setting, account) => {
  expect(readAccount(setting)).toEqual(account);
});

it.each([
  "",
  "contoso",
  "AccountKey=",
  "http://contoso.blob.core.windows.net",
  "BlobEndpoint=http://127.0.0.1/x",
])("%j is no account", (setting) => {
  expect(readAccount(setting)).toBeUndefined();
  expect(() => openAccount(setting, credential)).toThrow(/connection string, or the https URL/);
});

it("tables need to be told of where the blobs' URL does not tell", () => {
  const account = openAccount("https://files.contoso.com", credential);
  expect(account.blobs().url).toMatch(/^https:\/\/files\.contoso\.com/);
  expect(() => account.table("T")).toThrow(/where its tables are/);
});
