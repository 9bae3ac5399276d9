import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import {
  azurite,
  finance,
  ids,
  replaced,
  run,
  without,
} from "../../test/support/checkedPackages.ts";
import { type PackageSpec, packageOf } from "./testing/package-builder.ts";
import { newPackage } from "./testing/upload.ts";

describe("at submission, refused: ids, URIs, key and rights of the SAS", () => {
  const refused: [string, (uris: { data: string; metadata: string }) => object, RegExp][] = [
    ["a malformed web id", () => ({ gWebId: "{not-a-guid}" }), /gWebId must be a Guid/],
    ["a malformed URI", () => ({ azureContainerSourceUri: "data" }), /azureContainerSourceUri/],
    [
      "the same container twice",
      ({ metadata }) => ({ azureContainerSourceUri: metadata }),
      /must be two containers/,
    ],
    [
      "a key that is not 32 bytes",
      () => ({ options: { AES256CBCKey: randomBytes(16).toString("base64") } }),
      /base64 of 32 bytes, it has 16/,
    ],
    ["no key", () => ({ options: undefined }), /base64 of 32 bytes, it has 0/],
  ];

  it.each(refused)("refuses %s", async (_what, change, message) => {
    const pkg = await newPackage(azurite.service);
    const { status, body } = await finance.submit(pkg, ids.webId, { ...change(pkg.uris()) });
    expect(status).toBe(400);
    expect(body["odata.error"].message.value).toMatch(message);
  });

  it.each([
    ["rwl", "rlw", /azureContainerSourceUri must grant exactly "rl", it grants "rwl"/],
    ["r", "rlw", /azureContainerSourceUri must grant exactly "rl"/],
    ["rl", "rl", /azureContainerManifestUri must grant exactly "rlw"/],
    ["rl", "rdlw", /azureContainerManifestUri must grant exactly "rlw"/],
  ])("refuses a SAS with %s for data and %s for metadata", async (data, metadata, message) => {
    const pkg = await newPackage(azurite.service);
    const uris = pkg.uris(data, metadata);
    const { status, body } = await finance.submit(pkg, ids.webId, {
      azureContainerSourceUri: uris.data,
      azureContainerManifestUri: uris.metadata,
    });
    expect(status).toBe(400);
    expect(body["odata.error"].message.value).toMatch(message);
  });

  it("refuses containers that a job has used, and names the job", async () => {
    const { pkg, last } = await run({ files: [{ path: "once.txt" }] });
    const { status, body } = await finance.submit(pkg, ids.webId);
    expect(status).toBe(400);
    expect(body["odata.error"].message.value).toContain(last?.JobId);
  });
});

type FatalCase = [what: string, change: PackageSpec["change"], message: RegExp];

async function expectFatal(what: string, change: PackageSpec["change"], message: RegExp) {
  const { fatal, last } = await run({
    folders: [{ path: what.replaceAll(".", " ") }],
    ...(change ? { change } : {}),
  });
  expect(fatal).toMatch(message);
  expect(last).toMatchObject({ Event: "JobFatalError", ObjectType: "" });
}

describe("check 1, fatal: SystemData, ExportSettings and UserGroup open, decrypt and are valid", () => {
  it.each<FatalCase>([
    ["no SystemData.xml", without("SystemData.xml"), /Unable to download SystemData.xml: .*404/],
    [
      "no ExportSettings.xml",
      without("ExportSettings.xml"),
      /Unable to download ExportSettings.xml/,
    ],
    ["no UserGroup.xml", without("UserGroup.xml"), /Unable to download UserGroup.xml/],
    [
      "a file that is no XML",
      replaced("SystemData.xml", "</SystemData>", ""),
      /SystemData.xml: There is an error in XML document \(\d+, \d+\)/,
    ],
    [
      "an empty SiteUrl",
      replaced("ExportSettings.xml", /SiteUrl="[^"]*"/, 'SiteUrl=""'),
      /Invalid URI: The URI is empty/,
    ],
    [
      "a kind of IncludeVersions that there is not",
      replaced("ExportSettings.xml", "SiteUrl", 'IncludeVersions="Some" SiteUrl'),
      /'Some' is invalid according to its datatype 'one of LastMajor/,
    ],
    [
      "a user without SystemId",
      replaced("UserGroup.xml", / SystemId="[^"]*"/, ""),
      /'SystemId' is missing/,
    ],
    [
      "groups before users",
      replaced("UserGroup.xml", /(<Users>.*<\/Users>)<Groups \/>/, "<Groups />$1"),
      /has invalid child element 'Users'/,
    ],
  ])("%s", expectFatal);

  it("metadata without snapshot, without IV or with another key", async () => {
    for (const options of [{ snapshot: false }, { iv: "none" }] as const) {
      const pkg = await packageOf(azurite.service, ids, { change: without("SystemData.xml") });
      await pkg.putMetadata("SystemData.xml", "<SystemData />", options);
      const events = await finance.run(pkg, ids.webId);
      expect(events.at(-1)?.Message).toMatch(
        /SystemData.xml.* snapshot|Missing IV .*SystemData.xml/,
      );
    }
    const pkg = await packageOf(azurite.service, ids, {});
    const options = { AES256CBCKey: randomBytes(32).toString("base64") };
    const { body } = await finance.submit(pkg, ids.webId, { options });
    const events = await finance.follow(body.value);
    expect(events.at(-1)).toMatchObject({ Event: "JobFatalError" });
    expect(events.at(-1)?.Message).toMatch(/SystemData.xml/);
  });
});

describe("check 2, fatal: SchemaVersion is an element, every ManifestFile is there", () => {
  it.each<FatalCase>([
    [
      "a schema version as attribute",
      replaced("SystemData.xml", /<SchemaVersion[^>]*>/, ""),
      /Invalid schema version XML/,
    ],
    [
      "no ManifestFile",
      replaced("SystemData.xml", /<ManifestFile .*?\/>/, ""),
      /'ManifestFiles' has incomplete content/,
    ],
    ["no listed manifest", without("Manifest.xml"), /Unable to download Manifest.xml/],
  ])("%s", expectFatal);
});

describe("check 3: nobody is twice in UserGroup, and a source has a type", () => {
  it("a login that is there twice is fatal", () =>
    expectFatal(
      "twice",
      replaced(
        "UserGroup.xml",
        "</Users>",
        '<User Id="2" Name="A" Login="i:0#.F|membership|Ada@contoso.com" SystemId="YWRh" IsDeleted="false" /></Users>',
      ),
      /is there twice/,
    ));

  it("no SourceType is a warning", async () => {
    const { warnings, last } = await run({
      change: replaced("ExportSettings.xml", ' SourceType="FileShare"', ""),
    });
    expect(warnings).toEqual(["The source type is not specified"]);
    expect(last?.Event).toBe("JobEnd");
  });

  it("an absent optional file is a warning", async () => {
    const { warnings } = await run({ change: without("Requirements.xml") });
    expect(warnings).toEqual([expect.stringContaining("Requirements.xml")]);
  });
});

describe("check 4, fatal: manifests are valid by the constrained schema", () => {
  it.each<FatalCase>([
    [
      "the wrong namespace",
      replaced("Manifest.xml", "urn:deployment-manifest-schema", "urn:deployment-manifest"),
      /element is not declared/,
    ],
    [
      "an attribute that SPObject does not have",
      replaced("Manifest.xml", "<SPObject ", '<SPObject Description="x" '),
      /\[System.Xml.Schema.XmlSchemaValidationException\] \[The 'Description' attribute is not declared/,
    ],
    [
      "an attribute that Folder does not have",
      replaced("Manifest.xml", "<Folder ", '<Folder Description="x" '),
      /The 'Description' attribute is not declared/,
    ],
    [
      "a Guid in braces",
      replaced("Manifest.xml", /<Folder Id="([^"]*)"/, '<Folder Id="{$1}"'),
      /The 'Id' attribute is invalid/,
    ],
    [
      "a time that is none",
      replaced("Manifest.xml", 'TimeCreated="2024-01-01T00:00:00Z"', 'TimeCreated="01/01/2024"'),
      /The 'TimeCreated' attribute is invalid/,
    ],
    [
      "the wrong element for the object type",
      replaced("Manifest.xml", 'ObjectType="SPFolder"', 'ObjectType="SPFile"'),
      /must contain exactly one 'File' element/,
    ],
    [
      "two elements in one object",
      replaced("Manifest.xml", /<Folder .*?\/>/, "$&$&"),
      /'SPObject' has invalid child element 'Folder'/,
    ],
  ])("%s", expectFatal);

  it("attributes that File, ListItem and Field do not have are taken", async () => {
    const { last } = await run({
      files: [{ path: "extras.txt", attributes: { Description: "x" } }],
      change: replaced(
        "Manifest.xml",
        "<Fields />",
        '<Fields><Field Name="Title" Value="a" Odd="b" /></Fields><SharedWithEvents><SharedWithEvent SharedTime="2025-01-01T00:00:00Z" /></SharedWithEvents>',
      ),
    });
    expect(last).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "0" });
  });
});

describe("check 5, fatal: web and lists are the target's", () => {
  it.each<FatalCase>([
    [
      "another web",
      (name, text) => (name === "Manifest.xml" ? text.replaceAll(ids.webId, randomUUID()) : text),
      /The parent web .* can't be found/,
    ],
    [
      "another list",
      (name, text) => (name === "Manifest.xml" ? text.replaceAll(ids.listId, randomUUID()) : text),
      /The list .* can't be found/,
    ],
  ])("%s", expectFatal);

  it("a gWebId that is not the web's is a warning", async () => {
    const pkg = await packageOf(azurite.service, ids, { files: [{ path: "lax.txt" }] });
    const events = await finance.run(pkg, randomUUID());
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "0", TotalWarnings: "1" });
  });
});
