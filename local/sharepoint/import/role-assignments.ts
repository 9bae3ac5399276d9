import type { Scope } from "../package/manifest.ts";
import type { ItemStore } from "../record/item-store.ts";
import type { Site } from "../sites.ts";
import { hresult } from "./error-codes.ts";
import type { Complaint } from "./events.ts";

/** The permission levels that every site has. */
const BUILT_IN_ROLES = new Map([
  ["1073741825", "Limited Access"],
  ["1073741826", "Read"],
  ["1073741827", "Contribute"],
  ["1073741828", "Design"],
  ["1073741829", "Full Control"],
  ["1073741830", "Edit"],
]);

interface ScopeContext {
  site: Site;
  items: ItemStore;
  principals: Map<string, string>;
}

/** What is wrong with a scope of role assignments, if anything: unknown object, role or principal. */
export function checkScope(scope: Scope, context: ScopeContext): Complaint | undefined {
  const complain = (message: string): Complaint => ({
    objectType: "RoleAssignment",
    url: scope.objectUrl,
    id: scope.objectId,
    code: hresult.generic,
    message,
  });
  if (!isObject(scope.objectId, context)) {
    return complain(`The object ${scope.objectId} of a role assignment cannot be found`);
  }
  for (const { roleId, principalId } of scope.assignments) {
    if (!BUILT_IN_ROLES.has(roleId)) return complain(`The role ${roleId} cannot be found`);
    if (!context.principals.has(principalId)) {
      return complain(`The principal ${principalId} is not in UserGroup.xml`);
    }
  }
  return undefined;
}

/** The scope as the record keeps it: JSON of role names and logins, since ids are private to the package. */
export function describeScope(scope: Scope, principals: Map<string, string>): string {
  return JSON.stringify(
    scope.assignments.map(({ roleId, principalId }) => ({
      role: BUILT_IN_ROLES.get(roleId),
      principal: principals.get(principalId),
    })),
  );
}

/** Built-in roles cannot be redefined by a package. */
export function checkRoles(object: { id: string; roleIds: string[] }): Complaint | undefined {
  if (!object.roleIds.some((roleId) => BUILT_IN_ROLES.has(roleId))) return undefined;
  return {
    objectType: "",
    url: "",
    id: object.id,
    code: hresult.generic,
    message: "Updates to system roles is not allowed",
  };
}

function isObject(id: string, { site, items }: ScopeContext): boolean {
  const isList = site.libraries.some(({ listId, rootFolderId }) =>
    [listId, rootFolderId].includes(id),
  );
  return id === site.webId || isList || items.byId(site.name, id)?.state === "present";
}
