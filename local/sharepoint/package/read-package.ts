import type { Faults } from "../faults.ts";
import { hresult } from "../import/error-codes.ts";
import { describe, ItemFailure, JobFailure } from "../import/failures.ts";
import { type ArchivedMembers, readArchives } from "./archives.ts";
import {
  openContainer,
  type PackageKey,
  readSmallBlob,
  requireSnapshot,
  type SourceContainer,
} from "./blobs.ts";
import { type ListItemObject, type PackageObject, readObjects } from "./manifest.ts";
import { validateDocument } from "./package-schema.ts";
import { attribute, childrenNamed, parseXml, type XmlElement } from "./xml.ts";

/** Files that SharePoint asks for and does without: their absence is a warning. Their content is not looked at. */
const OPTIONAL_FILES = [
  "RootObjectMap.xml",
  "Requirements.xml",
  "LookupListMap.xml",
  "ViewFormsList.xml",
];

/** A user or group of UserGroup.xml. */
export interface Principal {
  name: string;
  isGroup: boolean;
  isDeleted: boolean;
}

/** A package whose files are read and valid; the content of its items is still where it is. */
export interface ImportPackage {
  objects: PackageObject[];
  /** List items by the id of the file or folder they belong to. */
  listItems: Map<string, ListItemObject>;
  /** Logins and group names by the id they have in the package. */
  principals: Map<string, Principal>;
  data: SourceContainer;
  archived: ArchivedMembers;
  /** What is odd but does not keep the job from going on. */
  warnings: string[];
}

/** Reads everything of a package but the content. Throws JobFailure if the package cannot be imported. */
export async function readPackage(
  uris: { dataContainerUri: string; metadataContainerUri: string },
  key: PackageKey,
  strictness: Faults["strictness"],
  signal: AbortSignal,
): Promise<ImportPackage> {
  const options = { signal, needsSnapshots: strictness !== "lenient" };
  const [metadata, data] = await Promise.all([
    openContainer(uris.metadataContainerUri, options),
    openContainer(uris.dataContainerUri, options),
  ]);
  const warnings: string[] = [];

  const read = async (name: string, root: Parameters<typeof validateDocument>[1]) => {
    try {
      const { plain } = await readSmallBlob(metadata, requireSnapshot(metadata, name), key);
      const document = parseXml(plain);
      validateDocument(document, root);
      return document;
    } catch (error) {
      const message = describe(error);
      throw new JobFailure(
        message.includes(name) ? message : `${name}: ${message}`,
        error instanceof ItemFailure ? error.code : hresult.generic,
      );
    }
  };

  const systemData = await read("SystemData.xml", "SystemData");
  const settings = await read("ExportSettings.xml", "ExportSettings");
  const principals = readPrincipals(await read("UserGroup.xml", "UserGroupMap"));
  if (!settings.attributes.SourceType) {
    const message = "The source type is not specified";
    if (strictness === "strict") throw new JobFailure(message);
    warnings.push(message);
  }
  for (const name of strictness === "lenient" ? [] : OPTIONAL_FILES) {
    if (!metadata.blobs.has(name)) warnings.push(`Unable to download ${name}: (404) Not Found.`);
  }
  const objects: PackageObject[] = [];
  const manifestFiles = childrenNamed(
    childrenNamed(systemData, "ManifestFiles")[0],
    "ManifestFile",
  );
  if (manifestFiles.length === 0) throw new JobFailure("SystemData.xml lists no ManifestFile");
  for (const file of manifestFiles) {
    objects.push(...readObjects(await read(attribute(file, "Name"), "SPObjects")));
  }
  const archived = metadata.blobs.has("ArchivedFiles.xml")
    ? await readArchives(await read("ArchivedFiles.xml", "ArchivedFiles"), data, key)
    : new Map();
  const listItems = new Map<string, ListItemObject>();
  for (const object of objects) {
    if (object.type === "listItem" && object.docId) listItems.set(object.docId, object);
  }
  return { objects, listItems, principals, data, archived, warnings };
}

/** Users and groups share one number space. A person may be there only once (enforced since March 2022). */
function readPrincipals(userGroup: XmlElement): Map<string, Principal> {
  const principals = new Map<string, Principal>();
  const logins = new Set<string>();
  const add = (element: XmlElement, name: string, isGroup: boolean) => {
    const id = attribute(element, "Id");
    if (principals.has(id)) throw new JobFailure(`UserGroup.xml: the id ${id} is used twice`);
    const isDeleted = /^(true|1)$/.test(element.attributes.IsDeleted ?? "");
    principals.set(id, { name, isGroup, isDeleted });
  };
  for (const user of childrenNamed(childrenNamed(userGroup, "Users")[0], "User")) {
    const login = attribute(user, "Login");
    if (logins.has(login.toLowerCase())) {
      throw new JobFailure(`UserGroup.xml: the user '${login}' is there twice`);
    }
    logins.add(login.toLowerCase());
    add(user, login, false);
  }
  for (const group of childrenNamed(childrenNamed(userGroup, "Groups")[0], "Group")) {
    add(group, attribute(group, "Name"), true);
  }
  return principals;
}
