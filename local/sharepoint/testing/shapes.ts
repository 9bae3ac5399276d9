import type { TargetIds } from "./client.ts";

/*
 * Packages as public tools write them, with values of our own. All three import into SharePoint Online. Content is one blob,
 * "first.dat", and "second.dat" where there is a second version.
 */

/** The name of the tool, and the package files that it makes for a target, by name. */
export type Shape = (target: TargetIds) => Record<string, string>;

const FILE = "7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e01";
const xml = (name: string, schema: string, attributes = "", inner = "") =>
  `<?xml version="1.0" encoding="utf-8"?>\n<${name} xmlns="urn:deployment-${schema}-schema"${attributes}>${inner}</${name}>`;
const systemData = (objects: string, more = "") =>
  xml(
    "SystemData",
    "systemdata",
    "",
    `<SchemaVersion Version="15.0.0.0" Build="16.0.3111.1200" DatabaseVersion="11552" SiteVersion="15" /><ManifestFiles><ManifestFile Name="Manifest.xml" /></ManifestFiles><SystemObjects>${objects}</SystemObjects>${more}`,
  );
const userGroup = (attributes: string) =>
  xml("UserGroupMap", "usergroupmap", "", `<Users><User ${attributes} /></Users><Groups />`);

/** Gerenios/AADInternals, SPMT_utils.ps1: five files, SPFile alone, no Url and no parents on SPObject, a GUID for a web id. */
export const aadInternals: Shape = ({ webId, rootFolderId }) => ({
  "ExportSettings.xml": xml(
    "ExportSettings",
    "exportsettings",
    ' SiteUrl="http://fileshare/sites/user" FileLocation="C:\\" IncludeSecurity="All" SourceType="FileShare"',
    "<ExportObjects/>",
  ),
  "SystemData.xml": systemData(""),
  "UserGroup.xml": userGroup(
    'Id="1" Name="Ada" Login="i:0#.f|membership|ada@contoso.com" IsSiteAdmin="false" SystemId="YWRh" IsDeleted="false" IsDomainGroup="false"',
  ),
  "Requirements.xml": xml("Requirements", "requirements"),
  "Manifest.xml": xml(
    "SPObjects",
    "manifest",
    "",
    `<SPObject Id="${FILE}" ObjectType="SPFile"><File Url="Shared Documents/tool.txt" Id="${FILE}" ParentWebId="${webId}" Name="tool.txt" ParentId="${rootFolderId}" TimeCreated="2024-01-02T03:04:05" TimeLastModified="2024-02-03T04:05:06" Version="1.0" FileValue="first.dat" Author="1" ModifiedBy="1" /></SPObject>`,
  ),
});

/** Zerg00s/CleverPoint-Migrator: eight files, a list item for each folder and file, no library objects, a source that is SharePoint. */
export const cleverPoint: Shape = ({ webId, listId, rootFolderId }) => {
  const web = `ParentWebId="${webId}" ParentWebUrl="/sites/finance"`;
  const times = 'TimeCreated="2024-01-02T03:04:05" TimeLastModified="2024-02-03T04:05:06"';
  const library = "/sites/finance/Shared Documents";
  const folder = "7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e02";
  const item = (id: string, path: string, parent: string, number: number, more: string) =>
    `<SPObject Id="${id}" ObjectType="SPListItem" ParentId="${listId}" ${web} Url="${library}/${path}"><ListItem FileUrl="Shared Documents/${path}" ParentFolderId="${parent}" Order="${number}00" Id="${id}" ParentWebId="${webId}" ParentListId="${listId}" IntId="${number}" Version="1.0" ${times} ModerationStatus="Approved" ${more}><Fields /></ListItem></SPObject>`;
  const shared = "sites/finance/Shared Documents";
  return {
    "ExportSettings.xml": xml(
      "ExportSettings",
      "exportsettings",
      ' SiteUrl="http://127.0.0.1/sites/finance" FileLocation="C:\\Temp" IncludeSecurity="None" SourceType="SharePointOnline" IgnoreWebParts="true"',
      `<ExportObjects><DeploymentObject Id="${listId}" Type="List" ParentId="${webId}" /></ExportObjects>`,
    ),
    "SystemData.xml": systemData(
      `<SystemObject Id="${rootFolderId}" Type="Folder" Url="${library}" /><SystemObject Id="${webId}" Type="Web" Url="/sites/finance" /><SystemObject Id="${listId}" Type="List" Url="${library}" />`,
      "<RootWebOnlyLists />",
    ),
    "UserGroup.xml": xml("UserGroupMap", "usergroupmap", "", "<Users></Users><Groups />"),
    "RootObjectMap.xml": xml(
      "RootObjects",
      "rootobjectmap",
      "",
      `<RootObject Id="${listId}" Type="List" ParentId="${webId}" WebUrl="/sites/finance" Url="${library}" IsDependency="false" />`,
    ),
    "LookupListMap.xml": xml("LookupLists", "lookuplistmap"),
    "Requirements.xml": xml("Requirements", "requirements"),
    "ViewFormsList.xml": xml("ViewFormsList", "viewformlist"),
    "Manifest.xml": xml(
      "SPObjects",
      "manifest",
      "",
      `<SPObject Id="${folder}" ObjectType="SPFolder" ParentId="${rootFolderId}" ${web} Url="${library}/Tool"><Folder Id="${folder}" Url="Shared Documents/Tool" Name="Tool" ParentFolderId="${rootFolderId}" ${web} ContainingDocumentLibrary="${listId}" ${times} SortBehavior="1" /></SPObject>
${item("7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e03", "Tool", rootFolderId, 1, `DocType="Folder" Name="Tool" DirName="${shared}" DocId="${folder}" ContentTypeId="0x0120"`)}
<SPObject Id="${FILE}" ObjectType="SPFile" ParentId="${folder}" ${web} Url="${library}/Tool/tool.txt"><File Url="Shared Documents/Tool/tool.txt" Id="${FILE}" ${web} Name="tool.txt" ListItemIntId="2" ListId="${listId}" ParentId="${folder}" ${times} Version="1.0" NoExecute="true" FileSize="5" Level="1" ContentVersion="1" FileValue="first.dat" /></SPObject>
${item("7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e04", "Tool/tool.txt", folder, 2, `DocType="File" Name="tool.txt" DirName="${shared}/Tool" DocId="${FILE}" ContentTypeId="0x0101"`)}`,
    ),
  };
};

/** sregan1/SharePoint-Smart-Copy: library objects, parent = list id, all versions listed, no SourceType, odd optional files. */
export const smartCopy: Shape = ({ siteId, webId, listId, rootFolderId }) => {
  const version = (id: string, label: string, blob: string, size: number, modified: string) =>
    `Url="Shared Documents/tool.txt" Id="${id}" DirName="Shared Documents" Version="${label}" ParentId="${listId}" ParentWebId="${webId}" StreamId="${blob}" FileValue="${blob}" Level="1" HasWebParts="0" SetupPathVersion="15" MetaInfo="" ContentVersion="0" Size="${size}" FileSize="${size}" ListItemIntId="0" TimeLastModified="${modified}" Author="1" ModifiedBy="1"`;
  const second = (id: string) => version(id, "2.0", "second.dat", 6, "2024-02-03T04:05:06Z");
  const times = 'TimeCreated="2000-01-01T00:00:00Z" TimeLastModified="2000-01-01T00:00:00Z"';
  return {
    "ExportSettings.xml": xml(
      "ExportSettings",
      "exportsettings",
      ' SiteUrl="http://127.0.0.1/sites/finance" FileLocation="" IncludeVersions="All" ExportMethod="ExportAll" OverwriteExistingFiles="true"',
    ),
    "LookupOrAddUserNamesFromSourceSite.xml": "<UserNames />",
    "SystemData.xml": systemData("", "<RootWebOnlyLists />"),
    "UserGroup.xml": userGroup(
      'Id="1" Name="System Account" Login="SHAREPOINT\\system" Email="" IsDomainGroup="false" IsSiteAdmin="false" SystemId="c3lzdGVt" IsDeleted="false"',
    ),
    "Requirements.xml": xml("Requirements", "requirements"),
    "RootObjectMap.xml": xml(
      "RootObjectMap",
      "rootobjectmap",
      ` Id="${webId}" Type="SPWeb" ParentId="${siteId}" WebUrl="/sites/finance" Url="/sites/finance" IsDependency="false"`,
    ),
    "ViewFormsList.xml": xml("ViewFormsList", "viewformslist"),
    "Manifest.xml": xml(
      "SPObjects",
      "manifest",
      "",
      `<SPObject Id="${listId}" ObjectType="SPDocumentLibrary" ParentId="${webId}" ParentWebId="${webId}"><DocumentLibrary Id="${listId}" ParentWebId="${webId}" Title="Documents" BaseTemplate="101" BaseType="DocumentLibrary" RootFolderUrl="/sites/finance/Shared Documents" /></SPObject>
<SPObject Id="${rootFolderId}" ObjectType="SPFolder" ParentId="${listId}" ParentWebId="${webId}"><Folder Id="${rootFolderId}" Url="Shared Documents" Name="Documents" ParentWebId="${webId}" ParentFolderId="${listId}" ProgId="" ${times} /></SPObject>
<SPObject Id="${FILE}" ObjectType="SPFile" ParentId="${listId}" ParentWebId="${webId}"><File Name="tool.txt" TimeCreated="2024-01-02T03:04:05Z" ${second(FILE)}><Versions><File ${version("7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e05", "1.0", "first.dat", 5, "2024-01-02T03:04:05Z")} /><File ${second("7f1c2f0e-52a4-5b1e-8d0e-3a5f0c7b6e06")} /></Versions></File></SPObject>`,
    ),
  };
};
