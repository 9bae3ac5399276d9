import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import { at, azurite, finance, ids, replaced, run } from "../../test/support/checkedPackages.ts";
import { type PackageSpec, packageOf } from "./testing/package-builder.ts";

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
    await mkdir(at("library", "Locked", "blocked"), { recursive: true });
    await chmod(at("library", "Locked"), 0o555);
    const events = await finance.run(
      await packageOf(azurite.service, ids, {
        existingFolders: Object.fromEntries(pkg.ids),
        files: [{ path: "Locked/blocked" }, { path: `Locked/${"é".repeat(200)}.txt` }],
      }),
      ids.webId,
    );
    await chmod(at("library", "Locked"), 0o755);
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
