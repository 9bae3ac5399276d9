import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type SharePoint, startSharePoint } from "./server.ts";
import { type Azurite, removeFolder, startAzurite, temporaryFolder } from "./testing/azurite.ts";
import { type Client, client, type TargetIds } from "./testing/client.ts";
import { type PackageSpec, packageOf } from "./testing/package-builder.ts";
import { newPackage } from "./testing/upload.ts";

let azurite: Azurite;
let folder: string;
let sharePoint: SharePoint;
let finance: Client;
let ids: TargetIds;

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await temporaryFolder();
  sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [{ site: "finance", title: "Documents", folder: join(folder, "library") }],
    log: () => {},
  });
  finance = client(sharePoint.url, "finance");
  ids = await finance.ids();
});

afterAll(async () => {
  await sharePoint.close();
  await azurite.stop();
  await removeFolder(folder);
});

async function run(spec: PackageSpec) {
  const pkg = await packageOf(azurite.service, ids, spec);
  const events = await finance.run(pkg, ids.webId);
  const complaints = (name: string) =>
    events.filter(({ Event }) => Event === name).map(({ Message }) => Message ?? "");
  return {
    pkg,
    last: events.at(-1),
    fatal: complaints("JobFatalError")[0],
    errors: complaints("JobError"),
    warnings: complaints("JobWarning"),
  };
}

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

const replaced =
  (file: string, from: string | RegExp, to: string): PackageSpec["change"] =>
  (name, text) =>
    name === file ? text.replace(from, to) : text;
const without =
  (file: string): PackageSpec["change"] =>
  (name, text) =>
    name === file ? undefined : text;

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

describe("check 6, an item error: parent, blob, snapshot, IV, MD5, name and owner of the path are right", () => {
  it.each<[string, PackageSpec, RegExp]>([
    ["a missing blob", { files: [{ path: "1.txt", missing: true }] }, /00000000.dat.*404/],
    ["no snapshot", { files: [{ path: "2.txt", put: { snapshot: false } }] }, /has no snapshot/],
    [
      "no IV anywhere",
      {
        files: [{ path: "3.txt", put: { iv: "none" }, attributes: { InitializationVector: null } }],
      },
      /Missing IV/,
    ],
    [
      "no MD5 anywhere",
      { files: [{ path: "4.txt", put: { withoutMd5: true }, attributes: { MD5Hash: null } }] },
      /^Missing MD5 property in Manifest and Azure Blob$/,
    ],
    [
      "an MD5 that does not match",
      { files: [{ path: "5.txt", attributes: { MD5Hash: "AAAAAAAAAAAAAAAAAAAAAA==" } }] },
      /MD5 of 00000000.dat does not match/,
    ],
    ["a name with a colon", { files: [{ path: "a:b.txt" }] }, /not permitted/],
    ["a name that ends with a dot", { files: [{ path: "dot." }] }, /not permitted/],
    ["a name that ends with a space", { files: [{ path: "space " }] }, /not permitted/],
    ["a reserved name", { files: [{ path: "CON" }] }, /not permitted/],
    [
      "a path that leaves the library",
      {
        existingFolders: { "..": randomUUID() },
        files: [{ path: "../escaped.txt", attributes: { ParentId: null } }],
      },
      /not permitted/,
    ],
    [
      "a path that is too long",
      { files: [{ path: `${"x".repeat(390)}.txt` }] },
      /too long: 411 characters/,
    ],
    [
      "a parent folder that is not there",
      { existingFolders: { Gone: randomUUID() }, files: [{ path: "Gone/6.txt" }] },
      /The parent folder .* cannot be found/,
    ],
    [
      "a parent folder that failed",
      { folders: [{ path: "b|d" }], files: [{ path: "b|d/7.txt" }], listItems: false },
      /not permitted/,
    ],
    [
      "an old version that is missing",
      { files: [{ path: "8.txt", versions: [{ label: "1.0", content: "old" }], missing: true }] },
      /0-1.0.dat.*404/,
    ],
  ])("%s", async (_what, spec, message) => {
    const { errors, last } = await run(spec);
    expect(errors[0]).toMatch(message);
    const expected = spec.folders ? 2 : 1;
    expect(errors).toHaveLength(expected);
    expect(last).toMatchObject({
      Event: "JobEnd",
      TotalErrors: String(expected),
      FilesCreated: "0",
    });
    const paths = (await finance.record()).map(({ path }) => path);
    expect(paths).not.toContain(spec.files?.[0]?.path);
  });

  it("a blob that was changed after its snapshot: what nobody froze is not imported", async () => {
    const pkg = await packageOf(azurite.service, ids, { files: [{ path: "frozen.txt" }] });
    await pkg.putData("00000000.dat", "changed since", { snapshot: false });
    const events = await finance.run(pkg, ids.webId);
    // SharePoint would read the snapshot; Azurite does not let a container SAS do that.
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd", TotalErrors: "1", FilesCreated: "0" });
  });

  it("the others of its package arrive all the same", async () => {
    const { errors } = await run({
      files: [{ path: "before.txt" }, { path: "b*d.txt" }, { path: "after.txt" }],
    });
    expect(errors).toHaveLength(1);
    const paths = (await finance.record()).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(["before.txt", "after.txt"]));
  });

  it("a list item that belongs to nothing", async () => {
    const { errors } = await run({
      more: `<SPObject Id="${randomUUID()}" ObjectType="SPListItem"><ListItem Id="${randomUUID()}" DocId="${randomUUID()}" FileUrl="Shared Documents/nothing.txt" /></SPObject>`,
    });
    expect(errors).toEqual(["Missing file info for list item"]);
  });

  it("a library that cannot be written, with the words of the system", async () => {
    const { pkg } = await run({ folders: [{ path: "Locked" }] });
    // As root, permissions are no obstacle; a directory where the file should be is one for everybody.
    await mkdir(join(folder, "library", "Locked", "blocked"), { recursive: true });
    await chmod(join(folder, "library", "Locked"), 0o555);
    const events = await finance.run(
      await packageOf(azurite.service, ids, {
        existingFolders: Object.fromEntries(pkg.ids),
        files: [{ path: "Locked/blocked" }, { path: `Locked/${"é".repeat(200)}.txt` }],
      }),
      ids.webId,
    );
    await chmod(join(folder, "library", "Locked"), 0o755);
    const errors = events.filter(({ Event }) => Event === "JobError").map(({ Message }) => Message);
    expect(errors).toHaveLength(2);
    expect(errors[1]).toMatch(/EACCES|ENAMETOOLONG/);
    expect(events.at(-1)).toMatchObject({ Event: "JobEnd" });
  });
});

describe("check 6, a warning: author, size and columns", () => {
  it("an author whom UserGroup does not have is System Account", async () => {
    const { warnings, errors } = await run({
      files: [{ path: "odd.txt", attributes: { Author: 77, FileSize: 5 } }],
      change: replaced(
        "Manifest.xml",
        "<Fields />",
        '<Fields><Field Name="Dept" Value="7" Type="Text" /></Fields>',
      ),
    });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining("Failed to ensure user '77'"),
      expect.stringMatching(/FileSize of 00000000.dat is 5 .* has 18 bytes/),
      "Field Dept cannot be found. Field value will not be imported",
    ]);
    const item = (await finance.record()).find(({ path }) => path === "odd.txt");
    expect(item).toMatchObject({ author: "SHAREPOINT\\system", size: 18 });
  });
});

describe("check 7, an item error: objects, roles and principals of role assignments are known", () => {
  it("an unknown one fails its scope", async () => {
    const scope = (objectId: string, roleId: string, principalId: string) =>
      `<RoleAssignment ScopeId="${randomUUID()}" RoleDefWebId="${ids.webId}" RoleDefWebUrl="sites/finance" ObjectId="${objectId}" ObjectType="2" ObjectUrl="x"><Assignment RoleId="${roleId}" PrincipalId="${principalId}" /></RoleAssignment>`;
    const { errors } = await run({
      more: `<SPObject Id="${randomUUID()}" ObjectType="DeploymentRoleAssignments"><RoleAssignments>${scope(randomUUID(), "1073741826", "1")}${scope(ids.listId, "7", "1")}${scope(ids.listId, "1073741826", "9")}</RoleAssignments></SPObject>`,
    });
    expect(errors).toEqual([
      expect.stringMatching(/The object .* cannot be found/),
      "The role 7 cannot be found",
      "The principal 9 is not in UserGroup.xml",
    ]);
  });
});

describe("check 8: a hundred item errors are the end of the job", () => {
  it("which keeps what it had imported", async () => {
    const { fatal, errors, last, pkg } = await run({
      files: Array.from({ length: 150 }, (_, n) => ({
        path: `hundred/${n}.txt`,
        missing: n > 10,
      })).map((file, n) => ({ ...file, path: n > 10 ? `bad ${n}.txt` : `good ${n}.txt` })),
      listItems: false,
    });
    expect(fatal).toBe("Operation canceled");
    expect(last).toMatchObject({ Event: "JobFatalError", ErrorCode: "-2147213196" });
    expect(errors.length).toBeGreaterThanOrEqual(100);
    expect(errors.length).toBeLessThan(110);
    const record = await finance.record();
    expect(record.filter(({ path }) => path.startsWith("good "))).toHaveLength(11);
    expect(record.filter(({ path }) => path.startsWith("bad "))).toHaveLength(0);
    const log = await pkg.readMetadata(`Import-${last?.JobId}-1.err`);
    expect(log?.split("\n")[0]).toMatch(
      /\[File\] \[Error\] \[Shared Documents\/bad \d+\.txt\] \[[0-9a-f-]{36}\]/,
    );
  });
});

describe("archives of small files", () => {
  const packed = (more: PackageSpec = {}): PackageSpec => ({
    files: [{ path: `packed ${randomUUID()}.txt`, archive: 0 }],
    ...more,
  });
  const archivedFiles =
    (from: string | RegExp, to: string): PackageSpec["change"] =>
    (name, text) =>
      name === "ArchivedFiles.xml" ? text.replace(from, to) : text;

  it.each<[string, PackageSpec, RegExp]>([
    [
      "three archives",
      { files: [0, 1, 2].map((archive) => ({ path: `three ${archive}.txt`, archive })) },
      /names 3 archives, at most 2/,
    ],
    [
      "a wrong checksum",
      packed({
        change: archivedFiles(/Checksum="[^"]*"/, 'Checksum="AAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
      }),
      /QuickXorHash/,
    ],
    [
      "an archive that is not there",
      packed({ change: archivedFiles("pack0.zip", "pack9.zip") }),
      /pack9.zip cannot be read/,
    ],
    [
      "an archive that is too large",
      {
        files: Array.from({ length: 110 }, (_, n) => ({
          path: `heavy ${n}.bin`,
          content: randomBytes(100_000),
          archive: 0,
        })),
      },
      /at most 10485760 are allowed/,
    ],
  ])("%s ends the job", async (_what, spec, message) => {
    const { fatal } = await run(spec);
    expect(fatal).toMatch(message);
  });

  it("a member that is too large or missing fails its item", async () => {
    const { errors } = await run({
      files: [
        { path: "fits.bin", content: randomBytes(102_383), archive: 0 },
        { path: "large.bin", content: randomBytes(102_384), archive: 0 },
        { path: "absent.txt", missing: true },
      ],
      listItems: false,
      change: archivedFiles("</ArchivedFile>", '<File FileValue="00000002.dat" /></ArchivedFile>'),
    });
    expect(errors).toEqual([
      expect.stringMatching(/00000001.dat has 102400 bytes/),
      expect.stringMatching(/pack0.zip has no member 00000002.dat/),
    ]);
  });

  it("a member needs IV and MD5 in the manifest", async () => {
    const { errors } = await run({
      files: [
        { path: "no iv.txt", archive: 0, attributes: { InitializationVector: null } },
        { path: "no md5.txt", archive: 0, attributes: { MD5Hash: null } },
      ],
    });
    expect(errors).toEqual([
      expect.stringContaining("Missing IV"),
      "Missing MD5 property in Manifest and Azure Blob",
    ]);
  });
});
