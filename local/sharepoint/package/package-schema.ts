import { join } from "node:path";
import { repositoryRoot } from "../../parts.ts";
import { readSchema, SchemaError } from "./schema.ts";
import { attribute, type XmlElement } from "./xml.ts";

/*
 * The published schemas, as they lie with the package fixtures. That of the manifest is the constrained one of MS docs
 * "migration-api-overview" (2023): SPObject, Folder, List and DocumentLibrary take no attribute that is not declared; File,
 * ListItem and Field take any. The live service is a little wider.
 */
const published = (file: string) =>
  join(repositoryRoot, "test/fixtures/migration-package/xsd", file);

const wider = (xsd: string) =>
  xsd
    // Microsoft's own sample has it.
    .replace(
      '<xs:extension base="SPList">',
      '$&<xs:attribute name="HasUniqueRoleAssignments" type="xs:boolean" />',
    )
    // MS docs "migration-api-shared".
    .replace(
      '<xs:element name="Attachments"',
      '<xs:element name="SharedWithEvents" type="SPXmlDocumentCollection" minOccurs="0" />$&',
    );

const validators = {
  SPObjects: readSchema(published("ms-docs-constrained/DeploymentManifest.compilable.xsd"), wider),
  ExportSettings: readSchema(published("ms-docs-constrained/DeploymentExportSettings.xsd")),
  SystemData: readSchema(published("primepf-transcribed/DeploymentSystemData.xsd")),
  UserGroupMap: readSchema(published("primepf-transcribed/DeploymentUserGroupMap.xsd")),
  ArchivedFiles: validateArchivedFiles,
};

/** Checks a package file: its root element with its namespace, then the rest. Throws SchemaError. */
export function validateDocument(root: XmlElement, expected: keyof typeof validators): void {
  if (expected === "SystemData" && !root.children.some((child) => child.name === "SchemaVersion")) {
    // SharePoint's words for a SchemaVersion that is an attribute or is not there at all.
    throw new SchemaError("Invalid schema version XML");
  }
  validators[expected](root);
  if (expected === "SPObjects") root.children.forEach(validateContent);
  if (expected === "ExportSettings" && attribute(root, "SiteUrl") === "") {
    throw new SchemaError("Invalid URI: The URI is empty.");
  }
}

/** The one element that an SPObject holds is named by its type: SPFolder has a Folder, DeploymentRoles has Roles. */
function validateContent(object: XmlElement): void {
  const type = attribute(object, "ObjectType");
  const expected = type === "SPDocumentTemplate" ? "File" : type.replace(/^(SP|Deployment)/, "");
  const content = object.children[0];
  if (content && content.name !== expected) {
    const message = `An SPObject of type '${type}' must contain exactly one '${expected}' element.`;
    throw new SchemaError(message);
  }
}

/** No schema is published: the form is that of MS docs "migration-azure", small file archives. */
function validateArchivedFiles(root: XmlElement): void {
  if (root.name !== "ArchivedFiles") {
    throw new SchemaError(`The '${root.name}' element is not declared.`);
  }
  for (const archive of root.children) {
    for (const name of ["Name", "Checksum"]) attribute(archive, name);
    for (const file of archive.children) attribute(file, "FileValue");
  }
}
