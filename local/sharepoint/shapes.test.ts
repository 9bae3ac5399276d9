import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Azurite, startAzurite } from "../../test/support/azurite.ts";
import { startSharePoint } from "./server.ts";
import { client } from "./testing/client.ts";
import { removeFolder, temporaryFolder } from "./testing/folders.ts";
import { aadInternals, cleverPoint, type Shape, smartCopy } from "./testing/shapes.ts";
import { newPackage } from "./testing/upload.ts";

let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(() => azurite.stop());

/** Imports a package of the shape into a site of its own, through containers that SharePoint provides. */
async function importShape(shape: Shape, gWebId?: string) {
  const folder = await temporaryFolder();
  const library = join(folder, "library");
  const sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [{ site: "finance", title: "Documents", folder: library }],
    storage: azurite.connection,
    log: () => {},
  });
  const finance = client(sharePoint.url, "finance");
  const target = await finance.ids();
  const { body } = await finance.post("/_api/site/ProvisionMigrationContainers", {});
  const pkg = await newPackage(azurite.service, Buffer.from(body.EncryptionKey, "base64"), {
    data: body.DataContainerUri,
    metadata: body.MetadataContainerUri,
  });
  for (const [name, content] of [
    ["first.dat", "first"],
    ["second.dat", "second"],
  ] as const) {
    await pkg.putData(name, content);
  }
  for (const [name, text] of Object.entries(shape(target))) await pkg.putMetadata(name, text);
  const events = await finance.run(pkg, gWebId ?? target.webId);
  const items = await finance.record();
  const file = items.find(({ name }) => name === "tool.txt");
  const content = await readFile(join(library, file?.path ?? ""), "utf8");
  await sharePoint.close();
  await removeFolder(folder);
  const warnings = events.filter(({ Event }) => Event === "JobWarning");
  return { last: events.at(-1), items, file, content, warnings: warnings.length };
}

describe("packages as other tools write them are imported", () => {
  it("AADInternals: five files, SPFile alone, any web id at submission", async () => {
    const { last, file, content, warnings } = await importShape(
      aadInternals,
      "26d5536b-49fb-5f55-aa5f-7feb7732d508",
    );
    expect(last).toMatchObject({ Event: "JobEnd", TotalErrors: "0" });
    expect(warnings).toBe(4);
    expect(content).toBe("first");
    expect(file).toMatchObject({
      author: "i:0#.f|membership|ada@contoso.com",
      modified: "2024-02-03T04:05:06.000Z",
      listItemId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("CleverPoint: folders and files with their list items, nobody in UserGroup.xml", async () => {
    const { last, items, content } = await importShape(cleverPoint);
    expect(last).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "0" });
    expect(items.map(({ path, intId }) => [path, intId])).toEqual([
      ["Tool", 1],
      ["Tool/tool.txt", 2],
    ]);
    expect(content).toBe("first");
  });

  it("SmartCopy: library objects, the current version among the versions, odd optional files", async () => {
    const { last, file, content } = await importShape(smartCopy);
    expect(last).toMatchObject({ Event: "JobEnd", TotalErrors: "0", FilesCreated: "2" });
    expect(content).toBe("second");
    expect(file?.versions.map(({ label, size }) => [label, size])).toEqual([
      ["1.0", 5],
      ["2.0", 6],
    ]);
  });
});
