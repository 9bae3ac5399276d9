import type { Right } from "../../contracts/people.ts";
import { uuid5 } from "../ids.ts";
import type { ManifestAccess, ManifestTarget } from "./types.ts";
import { serverRelativeUrl } from "./urls.ts";
import { element } from "./xml.ts";

/** Ids of the permission levels that every site has: Read, Contribute, Full Control. */
const ROLES: Readonly<Record<Right, number>> = {
  read: 1073741826,
  write: 1073741827,
  full: 1073741829,
};

/** ObjectType of a file or folder; 0 is a web, 1 a list. */
const ITEM = 2;

/**
 * The object that gives items permissions of their own, in place of what they inherit. It comes last, because security is
 * applied after the items. The roles themselves are not written: "Updates to system roles is not allowed".
 */
export function roleAssignmentsObject(
  target: ManifestTarget,
  access: readonly ManifestAccess[],
): string[] {
  const [first] = access;
  if (!first) return [];
  const attributes = {
    Id: uuid5(first.id, "role assignments"),
    ObjectType: "DeploymentRoleAssignments",
    ParentId: target.webId,
    ParentWebId: target.webId,
    ParentWebUrl: target.webUrl,
  };
  const assignments = access.map((each) => roleAssignment(target, each));
  return [element("SPObject", attributes, [element("RoleAssignments", {}, assignments)])];
}

function roleAssignment(target: ManifestTarget, { id, path, assignments }: ManifestAccess): string {
  return element(
    "RoleAssignment",
    {
      ScopeId: uuid5(id, "scope"),
      RoleDefWebId: target.webId,
      RoleDefWebUrl: target.webUrl.slice(1),
      ObjectId: id,
      ObjectType: ITEM,
      ObjectUrl: serverRelativeUrl(target, path).slice(1),
      AnonymousPermMask: 0,
    },
    assignments.map(({ userId, right }) =>
      element("Assignment", { RoleId: ROLES[right], PrincipalId: userId }),
    ),
  );
}
