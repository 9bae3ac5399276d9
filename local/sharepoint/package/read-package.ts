import { hresult } from "../import/error-codes.ts";
import { describe, ItemFailure, JobFailure } from "../import/failures.ts";
import { type ArchivedMembers, readArchives } from "./archives.ts";
import {
  decryptSmallBlob,
  listBlobs,
  openContainer,
  requireSnapshot,
  type SourceContainer,
  type StoredBlob,
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

/** A package whose files are read and valid; the content of its items is still where it is. */
export interface ImportPackage {
  objects: PackageObject[];
  /** List items by the id of the file or folder they belong to. */
  listItems: Map<string, ListItemObject>;
  /** Logins and group names by the id they have in the package. */
  principals: Map<string, string>;
  data: SourceContainer;
  dataBlobs: Map<string, StoredBlob>;
  archived: ArchivedMembers;
  /** What is odd but does not keep the job from going on. */
  warnings: string[];
}

/** Reads everything of a package but the content. Throws JobFailure if the package cannot be imported. */
export async function readPackage(
  dataUri: string,
  metadataUri: string,
  key: Buffer,
  signal: AbortSignal,
): Promise<ImportPackage> {
  const data = openContainer(dataUri, signal);
  const metadata = openContainer(metadataUri, signal);
  const [metadataBlobs, dataBlobs] = await Promise.all([list(metadata), list(data)]);
  const warnings: string[] = [];

  const read = async (name: string, root: Parameters<typeof validateDocument>[1]) => {
    try {
      const blob = requireSnapshot(metadataBlobs, name);
      const { plain } = await decryptSmallBlob(metadata, blob, key);
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
  if (!settings.attributes.SourceType) warnings.push("The source type is not specified");
  for (const name of OPTIONAL_FILES) {
    if (!metadataBlobs.has(name)) warnings.push(`Unable to download ${name}: (404) Not Found.`);
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
  const archived = metadataBlobs.has("ArchivedFiles.xml")
    ? await readArchives(await read("ArchivedFiles.xml", "ArchivedFiles"), data, dataBlobs, key)
    : new Map();
  const listItems = new Map<string, ListItemObject>();
  for (const object of objects) {
    if (object.type === "listItem" && object.docId) listItems.set(object.docId, object);
  }
  return { objects, listItems, principals, data, dataBlobs, archived, warnings };
}

async function list(container: SourceContainer): Promise<Map<string, StoredBlob>> {
  try {
    return await listBlobs(container);
  } catch (error) {
    throw new JobFailure(
      `Unable to list container ${container.client.containerName}: ${describe(error)}`,
    );
  }
}

/** Users and groups share one number space. A person may be there only once (enforced since March 2022). */
function readPrincipals(userGroup: XmlElement): Map<string, string> {
  const principals = new Map<string, string>();
  const logins = new Set<string>();
  const add = (id: string, name: string) => {
    if (principals.has(id)) throw new JobFailure(`UserGroup.xml: the id ${id} is used twice`);
    principals.set(id, name);
  };
  for (const user of childrenNamed(childrenNamed(userGroup, "Users")[0], "User")) {
    const login = attribute(user, "Login");
    if (logins.has(login.toLowerCase())) {
      throw new JobFailure(`UserGroup.xml: the user '${login}' is there twice`);
    }
    logins.add(login.toLowerCase());
    add(attribute(user, "Id"), login);
  }
  for (const group of childrenNamed(childrenNamed(userGroup, "Groups")[0], "Group")) {
    add(attribute(group, "Id"), attribute(group, "Name"));
  }
  return principals;
}
