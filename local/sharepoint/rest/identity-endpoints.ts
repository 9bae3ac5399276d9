import { createHash, randomUUID } from "node:crypto";
import type { Site } from "../sites.ts";
import { badRequest, type ODataRequest, type ODataResult } from "./odata.ts";

/** Every login resolves: the simulator has no directory. */
export function ensureUser({ body }: ODataRequest): ODataResult {
  const logonName = body.logonName;
  if (typeof logonName !== "string" || logonName === "") throw badRequest("logonName is missing");
  const name = logonName.slice(logonName.lastIndexOf("|") + 1);
  const isPerson = /\|membership\|/.test(logonName) || !logonName.includes("|");
  return {
    type: "SP.User",
    entity: {
      Id: userId(logonName),
      Title: name,
      LoginName: logonName,
      Email: isPerson ? name : "",
      PrincipalType: isPerson ? 1 : 4,
      IsSiteAdmin: false,
    },
  };
}

/** The same number for the same login. */
function userId(login: string): number {
  return 10 + (createHash("md5").update(login.toLowerCase()).digest().readUInt32LE(0) % 1_000_000);
}

/** POST /_api/contextinfo: a digest that nothing asks for as long as there is a bearer token. */
export function contextInfo(origin: string, site: Site): ODataResult {
  return {
    function: "GetContextWebInformation",
    value: {
      FormDigestTimeoutSeconds: 1800,
      FormDigestValue: `0x${randomUUID().replaceAll("-", "").toUpperCase()},${new Date().toUTCString()}`,
      LibraryVersion: "16.0.0.0",
      SiteFullUrl: `${origin}${site.url}`,
      WebFullUrl: `${origin}${site.url}`,
      SupportedSchemaVersions: ["14.0.0.0", "15.0.0.0"],
    },
  };
}
