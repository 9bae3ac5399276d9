import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  ada,
  ben,
  objectsOf,
  type Parsed,
  packageOf,
  parser,
  rootTarget,
  target,
  time,
  tree,
  withHistory,
  xmlOf,
} from "../../../test/support/manifests.ts";
import { baseName, comparePaths, joinPath } from "../../rules/paths.ts";
import { versionId } from "../ids.ts";
import {
  type ManifestFile,
  type PackageManifestInput,
  SYSTEM_ACCOUNT,
  writeManifests,
} from "./index.ts";

describe("the smaller manifests", () => {
  const input = packageOf(["Reports"], ["Reports/R&D.txt"]);

  it("ExportSettings.xml", () => {
    expect(xmlOf(input, "ExportSettings.xml")).toMatchInlineSnapshot(`
"<?xml version="1.0" encoding="utf-8"?>
<ExportSettings xmlns="urn:deployment-exportsettings-schema" SiteUrl="http://fileshare/sites/finance" FileLocation="\\\\fs01\\finance" IncludeSecurity="All" IncludeVersions="All" SourceType="FileShare" IgnoreWebParts="true">
<ExportObjects>
<DeploymentObject Id="d59f6108-e121-5d90-a928-8e627cbf42b0" Type="List" ParentId="26d5536b-49fb-5f55-aa5f-7feb7732d508" Url="/sites/finance/Shared Documents" ExcludeChildren="false" IncludeDescendants="All" />
</ExportObjects>
</ExportSettings>
"
`);
  });

  it("UserGroup.xml", () => {
    expect(xmlOf(input, "UserGroup.xml")).toMatchInlineSnapshot(`
"<?xml version="1.0" encoding="utf-8"?>
<UserGroupMap xmlns="urn:deployment-usergroupmap-schema">
<Users>
<User Id="1" Name="Ada Nowak" Login="i:0#.f|membership|ada.nowak@contoso.com" Email="ada.nowak@contoso.com" IsDomainGroup="false" IsSiteAdmin="false" SystemId="aTowIy5mfG1lbWJlcnNoaXB8YWRhLm5vd2FrQGNvbnRvc28uY29t" IsDeleted="false" Flags="0" />
<User Id="2" Name="Ben" Login="i:0#.f|membership|ben@contoso.com" Email="ada.nowak@contoso.com" IsDomainGroup="false" IsSiteAdmin="false" SystemId="aTowIy5mfG1lbWJlcnNoaXB8YWRhLm5vd2FrQGNvbnRvc28uY29t" IsDeleted="false" Flags="0" />
</Users>
<Groups />
</UserGroupMap>
"
`);
  });

  it("RootObjectMap.xml", () => {
    expect(xmlOf(input, "RootObjectMap.xml")).toMatchInlineSnapshot(`
"<?xml version="1.0" encoding="utf-8"?>
<RootObjects xmlns="urn:deployment-rootobjectmap-schema">
<RootObject Id="d59f6108-e121-5d90-a928-8e627cbf42b0" Type="List" ParentId="26d5536b-49fb-5f55-aa5f-7feb7732d508" WebUrl="/sites/finance" Url="/sites/finance/Shared Documents" IsDependency="false" />
</RootObjects>
"
`);
  });

  it("ArchivedFiles.xml", () => {
    const archives = [{ name: "pack0.zip", checksum: "abc=", members: ["00000000.dat"] }];
    expect(xmlOf({ ...input, archives }, "ArchivedFiles.xml")).toMatchInlineSnapshot(`
"<?xml version="1.0" encoding="utf-8"?>
<ArchivedFiles>
<ArchivedFile Name="pack0.zip" Checksum="abc=">
<File FileValue="00000000.dat" />
</ArchivedFile>
</ArchivedFiles>
"
`);
  });
});

describe("writeManifests", () => {
  const eight = [
    "ExportSettings.xml",
    "LookupListMap.xml",
    "Manifest.xml",
    "Requirements.xml",
    "RootObjectMap.xml",
    "SystemData.xml",
    "UserGroup.xml",
    "ViewFormsList.xml",
  ];

  it("always writes the eight, ArchivedFiles.xml only for archives", () => {
    const input = packageOf([], ["a"]);
    const archives = [{ name: "0.zip", checksum: "", members: ["00000000.dat"] }];
    const names = (of: PackageManifestInput) => writeManifests(of).map((blob) => blob.name);
    expect(names(input)).toEqual(eight);
    expect(names({ ...input, archives })).toEqual([...eight, "ArchivedFiles.xml"]);
  });

  it("splits a manifest that would be too large, in the same order, and names the parts", () => {
    const input = packageOf(["A", "A/B"], ["A/B/c", "d"]);
    const whole = parser.parse(xmlOf(input, "Manifest.xml") ?? "").SPObjects.SPObject;
    const blobs = writeManifests(input, 1_500);
    const xml = (name: string) => blobs.find((blob) => blob.name === name)?.xml.toString() ?? "";
    const files = [
      parser.parse(xml("SystemData.xml")).SystemData.ManifestFiles.ManifestFile,
    ].flat();
    const parts = files.map(
      ({ Name }: { Name: string }) => parser.parse(xml(Name)).SPObjects.SPObject,
    );
    expect(files.length).toBeGreaterThan(2);
    expect(files[1].Name).toBe("Manifest2.xml");
    expect(parts.flat()).toEqual(whole);
  });

  it("gives every name back, folders before what they contain, each item with its list item", () => {
    fc.assert(
      fc.property(tree, ({ folders, files }) => {
        const objects = objectsOf(packageOf(folders, files));
        const prefix = "Shared Documents/";
        const items = objects.slice(2);
        const expected = [...folders.toSorted(comparePaths), ...files];
        expect(items.length).toBe(2 * expected.length);
        const placed = new Set([target.rootFolderId]);
        for (const [i, path] of expected.entries()) {
          const { Folder, File, ParentId, ...object } = items[2 * i];
          const { ListItem, ...itemObject } = items[2 * i + 1];
          const content = Folder ?? File;
          expect(File === undefined).toBe(folders.includes(path));
          expect(content.Name).toBe(baseName(path));
          expect(content.Url).toBe(prefix + path);
          expect(object.Url).toBe(`/sites/finance/${prefix}${path}`);
          expect(itemObject.Url).toBe(object.Url);
          expect(itemObject.ParentId).toBe(target.listId);
          expect(ListItem.Name).toBe(baseName(path));
          expect(ListItem.FileUrl).toBe(prefix + path);
          expect(joinPath(ListItem.DirName, ListItem.Name)).toBe(`sites/finance/${prefix}${path}`);
          expect(ListItem.DocId).toBe(content.Id);
          expect(ListItem.Id).not.toBe(content.Id);
          expect(placed.has(ParentId)).toBe(true);
          placed.add(content.Id);
        }
      }),
    );
  });

  it("spells URLs of a root site without its slash", () => {
    const [root, library, , , file, listItem] = objectsOf({
      ...packageOf(["A"], ["A/b.txt"]),
      target: rootTarget,
    });
    expect(root.Folder.Url).toBe("Shared Documents");
    expect(root.ParentWebUrl).toBe("/");
    expect(library.DocumentLibrary.RootFolderUrl).toBe("/Shared Documents");
    expect(file.Url).toBe("/Shared Documents/A/b.txt");
    expect(file.File.Url).toBe("Shared Documents/A/b.txt");
    expect(listItem.ListItem.DirName).toBe("Shared Documents/A");
    expect(xmlOf({ ...packageOf([], []), target: rootTarget }, "ExportSettings.xml")).toContain(
      'SiteUrl="http://fileshare/"',
    );
  });

  it("writes times as whole seconds UTC, and those of the root folder where they are known", () => {
    const input = packageOf([], ["a"]);
    const known = { ...target, rootFolderCreated: 0, rootFolderModified: time };
    expect(objectsOf(input)[0].Folder.TimeCreated).toBeUndefined();
    expect(objectsOf({ ...input, target: known })[0].Folder).toMatchObject({
      TimeCreated: "1970-01-01T00:00:00",
      TimeLastModified: "2024-02-01T08:15:00",
    });
    expect(objectsOf(input)[2].File).toMatchObject({
      TimeCreated: "2024-02-01T08:15:00",
      TimeLastModified: "2024-02-02T08:15:00",
    });
  });

  it("carries size and checksum of large files", () => {
    const input = packageOf([], ["big.iso"]);
    const big = { size: 250 * 1024 ** 3, checksum: "3k59aOUae2xygD5B/jtxY4x0Xko=" };
    const files = input.files.map((file) => ({ ...file, ...big }));
    const [, , file, listItem] = objectsOf({ ...input, files });
    expect(file.File).toMatchObject({
      FileSize: "268435456000",
      Checksum: big.checksum,
      Version: "1.0",
    });
    expect(file.File.Versions).toBeUndefined();
    expect(listItem.ListItem.Version).toBe("1.0");
  });

  it("lists older versions oldest first, with the current one or without", () => {
    const counts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 5 });
    const forms = fc.constantFrom("all" as const, "older" as const, undefined);
    fc.assert(
      fc.property(counts, forms, (olderOf, listedVersions) => {
        const paths = olderOf.map((_, index) => `${index}.txt`);
        const input = withHistory(
          packageOf([], paths, { ...(listedVersions && { listedVersions }) }),
          (path) => olderOf[Number.parseInt(path, 10)] ?? 0,
        );
        const objects = objectsOf(input).slice(2);
        const ids = new Set<string>();
        for (const [index, { history, ...file }] of input.files.entries()) {
          const { File } = objects[2 * index];
          const older = history?.older ?? [];
          expect(File.Version).toBe(`${older.length + 1}.0`);
          expect(objects[2 * index + 1].ListItem.Version).toBe(File.Version);
          expect(File.FileValue).toBe(file.fileValue);
          const listed = [File.Versions?.File ?? []].flat();
          const current = history && listedVersions !== "older" ? [file] : [];
          const written = (name: string) => listed.map((version: Parsed) => version[name]);
          expect(written("Version")).toEqual(listed.map((_, at) => `${at + 1}.0`));
          expect(written("FileValue")).toEqual(
            [...older, ...current].map((version) => version.fileValue),
          );
          for (const { Url, Name, TimeCreated, TimeLastModified, Id } of listed) {
            expect({ Url, Name, TimeCreated }).toEqual({
              ...{ Url: File.Url, Name: File.Name, TimeCreated: File.TimeCreated },
            });
            expect(TimeLastModified <= File.TimeLastModified).toBe(true);
            expect(Id).not.toBe(File.Id);
            ids.add(Id);
          }
        }
        const perFile = listedVersions === "older" ? olderOf : olderOf.map((n) => n && n + 1);
        expect(ids.size).toBe(perFile.reduce((sum, n) => sum + n, 0));
      }),
      { numRuns: 30 },
    );
  });

  it("puts the system account where there are no users", () => {
    const input = packageOf([], ["a"], { users: [] });
    const byNobody = { authorId: SYSTEM_ACCOUNT.id, editorId: SYSTEM_ACCOUNT.id };
    const files = input.files.map((file) => ({ ...file, ...byNobody }));
    const users = parser.parse(xmlOf({ ...input, files }, "UserGroup.xml") ?? "").UserGroupMap
      .Users;
    expect(users.User).toEqual([
      expect.objectContaining({ Login: "SHAREPOINT\\system", Id: "1073741823" }),
    ]);
  });

  it("gives the same bytes for the same input", () => {
    const input = packageOf(["b", "a"], ["a/x"]);
    expect(writeManifests(input)).toEqual(writeManifests(structuredClone(input)));
  });
});

describe("mistakes in a package", () => {
  const good = packageOf(["A"], ["A/b", "c"]);
  const [first, second] = good.files as [ManifestFile, ManifestFile];
  const archive = { name: "0.zip", checksum: "", members: ["00000000.dat"] };
  const freshId = versionId(first.id, first);
  const oldVersion = {
    ...{ id: versionId(first.id, { modified: 0, size: 1 }), modified: 0, size: 1, editorId: 1 },
    ...{ fileValue: "old.dat", md5: "", iv: "" },
  };

  it.each<[string, Partial<PackageManifestInput>, RegExp]>([
    ["a GUID twice", { files: [first, { ...second, id: first.listItemId }] }, /item GUID .* twice/],
    ["a path twice", { files: [first, { ...second, path: "A/b" }] }, /item path "A\/b" .* twice/],
    [
      "a blob twice",
      { files: [first, { ...second, fileValue: first.fileValue }] },
      /blob .* twice/,
    ],
    ["a wrong parent", { files: [{ ...first, parentId: target.rootFolderId }] }, /as its parent/],
    ["an unknown user", { users: [ada] }, /refers to user 2/],
    [
      "a person twice",
      { users: [ada, { ...ben, login: ada.login.toUpperCase() }] },
      /login .* twice/,
    ],
    ["a user id twice", { users: [ada, { ...ben, id: 1 }] }, /user id "1" .* twice/],
    ["a user without name", { users: [ada, { ...ben, name: "" }] }, /user 2: name and login/],
    ["three archives", { archives: [archive, archive, archive] }, /at most 2 archives/],
    ["a member twice", { archives: [archive, archive] }, /archive member .* twice/],
    [
      "a version of nobody's",
      { files: [{ ...first, history: { id: second.listItemId, older: [oldVersion] } }, second] },
      /item GUID .* twice/,
    ],
    [
      "a version in the blob of a file",
      {
        files: [
          {
            ...first,
            history: { id: freshId, older: [{ ...oldVersion, fileValue: second.fileValue }] },
          },
          second,
        ],
      },
      /blob .* twice/,
    ],
    [
      "a version by an unknown user",
      { files: [{ ...first, history: { id: freshId, older: [{ ...oldVersion, editorId: 7 }] } }] },
      /refers to user 7/,
    ],
    ["a stray member", { archives: [{ ...archive, members: ["x"] }] }, /"x" is no file/],
    ["a time out of range", { files: [{ ...first, created: -1e13 }] }, /outside 1900 to 8900/],
    ["a name XML lacks", { files: [{ ...second, path: "\u0001" }] }, /holds U\+0001/],
    ["a library elsewhere", { target: { ...target, webUrl: "/sites/hr" } }, /must lie below/],
  ])("%s", (_what, changes, message) => {
    expect(() => writeManifests({ ...good, ...changes })).toThrow(message);
  });
});
