import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { type Faults, isKnownLogin } from "../faults.ts";
import { builtInRoles } from "../import/role-assignments.ts";
import type { Site } from "../sites.ts";
import {
  noResource,
  notFound,
  type ODataRequest,
  type ODataResult,
  requirePost,
  spError,
  textOf,
} from "./odata.ts";

export interface IdentityContext {
  sites: Map<string, Site>;
  database: DatabaseSync;
  faults: () => Faults;
}

/** POST web/ensureuser: the login becomes a user of the site. Every login resolves but those that the faults name. */
export function ensureUser(
  { database, faults }: IdentityContext,
  site: Site,
  request: ODataRequest,
): ODataResult {
  requirePost(request);
  const login = textOf(request.body, "logonName");
  if (!isKnownLogin(faults(), login)) {
    throw spError(500, -2146232832, `The specified user ${login} could not be found.`);
  }
  database.prepare("INSERT OR IGNORE INTO users (site, login) VALUES (?, ?)").run(site.name, login);
  const users = siteUsers(database, site);
  const entity = users.find(({ LoginName }) => sameText(LoginName, login)) ?? {};
  return { type: "SP.User", entity };
}

/** GET web/siteusers, siteusers(@v) by login, siteusers/getByEmail('…'), siteusers/getById(…). */
export function answerSiteUsers(
  { database }: IdentityContext,
  site: Site,
  { segments }: ODataRequest,
): ODataResult {
  const users = siteUsers(database, site);
  const [by, wanted] = [segments[2]?.name, (segments[2] ?? segments[1])?.args[""]];
  if (wanted === undefined) return { type: "SP.User", collection: users };
  const field = by === "getbyemail" ? "Email" : by === "getbyid" ? "Id" : "LoginName";
  const entity = users.find((user) => sameText(String(user[field]), wanted));
  if (!entity) throw notFound("User cannot be found.");
  return { type: "SP.User", entity };
}

/** The users that somebody has ensured. */
function siteUsers(database: DatabaseSync, site: Site) {
  const rows = database.prepare("SELECT id, login FROM users WHERE site = ?").all(site.name);
  return rows.map((row) => {
    const LoginName = String(row.login);
    const Title = LoginName.slice(LoginName.lastIndexOf("|") + 1);
    const isPerson = /\|membership\|/.test(LoginName) || !LoginName.includes("|");
    return {
      Id: 10 + Number(row.id),
      Title,
      LoginName,
      Email: isPerson ? Title : "",
      // SP.PrincipalType: a person, or a security group of the directory.
      PrincipalType: isPerson ? 1 : 4,
      IsSiteAdmin: false,
    };
  });
}

/** GET web/sitegroups: the three that every site has. */
export function siteGroups(site: Site): ODataResult {
  const collection = ["Owners", "Visitors", "Members"].map((group, index) => {
    const Title = `${site.name} ${group}`;
    return { Id: 3 + index, Title, LoginName: Title, PrincipalType: 8 };
  });
  return { type: "SP.Group", collection };
}

/** GET web/roledefinitions. */
export function roleDefinitions(): ODataResult {
  return { type: "SP.RoleDefinition", collection: builtInRoles };
}

/**
 * GET _api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v): the way from a login to the person's OneDrive,
 * which is a site collection named after the
 * address, with _ for what is no letter or digit.
 */
export function answerPeopleManager(
  { sites, faults }: IdentityContext,
  origin: string,
  { segments }: ODataRequest,
): ODataResult {
  const { name = "", args } = segments[1] ?? {};
  if (name !== "getpropertiesfor") throw noResource(name);
  const AccountName = args?.accountname ?? args?.[""] ?? "";
  const Email = AccountName.slice(AccountName.lastIndexOf("|") + 1);
  const isPerson = Email.includes("@") && isKnownLogin(faults(), AccountName);
  if (!isPerson) return { function: "GetPropertiesFor", value: { "odata.null": true } };
  const drive = sites.get(`personal/${Email.toLowerCase().replace(/[^a-z0-9]/g, "_")}`);
  const PersonalUrl = drive
    ? `${origin}${drive.url}/`
    : `${origin}/Person.aspx?accountname=${encodeURIComponent(AccountName)}`;
  const entity = { AccountName, DisplayName: Email, Email, PersonalUrl };
  return { type: "SP.UserProfiles.PersonProperties", entity };
}

/** POST contextinfo: a digest that nothing asks for as long as there is a bearer token. */
export function contextInfo(origin: string, site: Site): ODataResult {
  return {
    function: "GetContextWebInformation",
    value: {
      FormDigestTimeoutSeconds: 1800,
      FormDigestValue: `0x${randomUUID().replaceAll("-", "").toUpperCase()},${new Date().toUTCString()}`,
      SiteFullUrl: `${origin}${site.url}`,
      WebFullUrl: `${origin}${site.url}`,
    },
  };
}

function sameText(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
