import { readFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { validateXML } from "xmllint-wasm";
import {
  fixtures,
  packageOf,
  rootTarget,
  target,
  tree,
  uglyNames,
  withHistory,
  xmlOf,
} from "../../../test/support/manifests.ts";
import type { ManifestFile, ManifestFolder } from "./index.ts";

describe("the example package", () => {
  const example = new URL("example/single/metadata/", fixtures);
  const folder: ManifestFolder = {
    id: "463b693c-6b3e-536d-849f-2d9b8048e29a",
    listItemId: "6d8c540a-7c42-565e-bdc4-cb538ffd8341",
    intId: 1,
    path: "Reports",
    parentId: target.rootFolderId,
    created: Date.UTC(2024, 1, 1, 8, 15),
    modified: Date.UTC(2025, 2, 31, 16, 20),
    authorId: 1,
    editorId: 2,
  };
  const file: ManifestFile = {
    id: "0679b075-e905-5e32-8be8-9026e03945ae",
    listItemId: "a770f423-f2fe-50c3-aeb9-897c5153df17",
    intId: 3,
    path: "Reports/readme.txt",
    parentId: folder.id,
    created: Date.UTC(2024, 1, 1, 8, 16),
    modified: Date.UTC(2024, 1, 1, 8, 16),
    authorId: 1,
    editorId: 1,
    size: 15,
    fileValue: "00000004.dat",
    md5: "K3bHh8Xp2S1Sd+K5z9beIg==",
    iv: "cBzLE2dYYycpr4tMr+YtDQ==",
  };
  const content = (fileValue: string, size: number, md5: string, iv: string) => ({
    ...{ fileValue, size, md5, iv },
  });
  const budget: ManifestFile = {
    id: "0c19cd78-abe8-517e-b293-c6d929bc6786",
    listItemId: "97a6b543-7d36-58af-a13c-df2f4672652a",
    intId: 2,
    path: "Reports/Budget 2025.xlsx",
    parentId: folder.id,
    created: Date.UTC(2025, 0, 7, 10),
    modified: Date.UTC(2025, 2, 31, 16, 20),
    authorId: 1,
    editorId: 2,
    ...content("00000003.dat", 23, "c3diwLUtgj3p86G+9eGsaQ==", "7W4t7WOvFu9NB8rp7kxxwQ=="),
    history: {
      id: "f85b2bb9-5bf3-53f5-99fa-36908bdd2bef",
      older: [
        {
          id: "8a3e189c-6699-59b0-a8dc-68961a054ceb",
          modified: Date.UTC(2025, 0, 7, 10),
          editorId: 1,
          ...content("00000001.dat", 20, "1lmi0lPQVQoNIyTPzhzSvw==", "CDu64SFe/gs+PCtUd85bEw=="),
        },
        {
          id: "720b4ef2-526c-530e-9271-a7f7bf3b78de",
          modified: Date.UTC(2025, 1, 14, 13, 45, 10),
          editorId: 2,
          ...content("00000002.dat", 28, "WngVIfjCMirbd4GMgdgoLA==", "6RrmmjhTD7ksrnNwCMSQbA=="),
        },
      ],
    },
  };
  const input = packageOf([], [], {
    target: {
      ...target,
      listTitle: "Documents",
      rootFolderCreated: Date.UTC(2024, 0, 8, 9),
      rootFolderModified: Date.UTC(2025, 2, 31, 16, 20),
    },
    folders: [folder],
    files: [budget, file],
  });

  it.each([
    ["Manifest.xml"],
    ["SystemData.xml"],
    ["RootObjectMap.xml"],
    ["Requirements.xml"],
    ["LookupListMap.xml"],
    ["ViewFormsList.xml"],
  ])("%s has its elements, to the byte", async (blob) => {
    const lines = (await readFile(new URL(blob, example), "utf8")).split("\n");
    const expected = new Set(lines.map((line) => line.trim()));
    // The example has role assignments: 9 objects, not 8. Of its first file's list item it sets a field.
    const written = xmlOf(input, blob)
      ?.replace('ObjectsProcessed="8"', 'ObjectsProcessed="9"')
      .replace(/(IntId="2" DocId[^>]*>\n)<Fields \/>\n/, "$1");
    expect(written?.split("\n").filter((line) => !expected.has(line))).toEqual([]);
  });
});

describe("published schemas", () => {
  const packages = [
    packageOf([], []),
    packageOf(["A"], ["A/b", "c"], { target: rootTarget }),
    packageOf(
      [],
      uglyNames.filter((path) => !path.includes("/")),
    ),
    ...fc.sample(tree, 40).map(({ folders, files }) => packageOf(folders, files)),
    ...(["all", "older"] as const).map((listedVersions) =>
      withHistory(packageOf(["A"], ["A/b", "c", "d"], { listedVersions }), (path) =>
        path === "c" ? 0 : path.length,
      ),
    ),
  ];

  it.each([
    ["Manifest.xml", "ms-docs-constrained/DeploymentManifest.compilable.xsd"],
    ["Manifest.xml", "ms-2013-full/DeploymentManifest.xsd"],
    ["ExportSettings.xml", "ms-docs-constrained/DeploymentExportSettings.xsd"],
    ["RootObjectMap.xml", "ms-docs-constrained/DeploymentRootObjectMap.xsd"],
    ["SystemData.xml", "primepf-transcribed/DeploymentSystemData.xsd"],
    ["UserGroup.xml", "primepf-transcribed/DeploymentUserGroupMap.xsd"],
    ["Requirements.xml", "primepf-transcribed/DeploymentRequirements.xsd"],
    ["LookupListMap.xml", "primepf-transcribed/DeploymentLookupListMap.xsd"],
    ["ViewFormsList.xml", "primepf-transcribed/DeploymentViewFormsList.xsd"],
  ])("%s is valid by %s", async (blob, schema) => {
    const xml = packages.map((input, index) => ({
      fileName: `${index}.xml`,
      contents: xmlOf(input, blob) ?? "",
    }));
    const { valid, errors } = await validateXML({
      xml,
      schema: await readFile(new URL(`xsd/${schema}`, fixtures), "utf8"),
    });
    expect(errors).toEqual([]);
    expect(valid).toBe(true);
  });
});
