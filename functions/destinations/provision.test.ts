import { expect, it } from "@jest/globals";
import { fakedSharePoint } from "../../test/support/sharePointClient.ts";

const answering = fakedSharePoint();

const KEY = Buffer.alloc(32, 5);
const SIGNATURE = "sv=2018-03-28&sr=c&si=a%2Bb&sig=x%2Fy%3D&sp=rw";
const given = {
  DataContainerUri: `https://spo1.blob.core.windows.net:443/data?${SIGNATURE}`,
  MetadataContainerUri: `https://spo1.blob.core.windows.net:443/meta?${SIGNATURE}`,
  EncryptionKey: KEY.toString("base64"),
};
const __metadata = { type: "SP.ProvisionedMigrationContainersInfo" };
const { MetadataContainerUri: MetadataContainer, ...others } = given;

it.each([
  ["nometadata", given],
  ["verbose", { d: { ProvisionMigrationContainers: { __metadata, ...given } } }],
  ["the names of the docs", { ...others, MetadataContainer }],
])(
  "containers are understood in the form of %s, and lose nothing but the port",
  async (_form, body) => {
    const { client, at } = await answering({ status: 200, body });
    expect(await client.provisionContainers(at)).toEqual({
      dataUrl: `https://spo1.blob.core.windows.net/data?${SIGNATURE}`,
      manifestUrl: `https://spo1.blob.core.windows.net/meta?${SIGNATURE}`,
      key: KEY,
    });
  },
);

it.each([{ ...given, EncryptionKey: "c2hvcnQ=" }, others, {}, { value: null }])(
  "half an answer is none",
  async (body) => {
    const { client, at } = await answering({ status: 200, body });
    await expect(client.provisionContainers(at)).rejects.toMatchObject({ code: "INTERNAL" });
  },
);

it.each([
  ["nometadata", { JobQueueUri: "https://spo1.queue.core.windows.net:443/q?sig=a%2B" }],
  [
    "verbose",
    {
      d: {
        ProvisionMigrationQueue: {
          __metadata,
          JobQueueUri: "https://spo1.queue.core.windows.net:443/q?sig=a%2B",
        },
      },
    },
  ],
])("a queue is understood in the form of %s", async (_form, body) => {
  const { client, at } = await answering({ status: 200, body });
  expect(await client.provisionQueue(at)).toBe("https://spo1.queue.core.windows.net/q?sig=a%2B");
});
