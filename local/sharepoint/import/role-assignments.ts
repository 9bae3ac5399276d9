import type { Scope } from "../package/manifest.ts";
import type { Principal } from "../package/read-package.ts";
import type { ItemStore } from "../record/item-store.ts";
import type { Site } from "../sites.ts";

/** The permission levels that every site has, in the order of their RoleTypeKind, which is 1 for the first. */
const BUILT_IN = ["Limited Access", "Read", "Contribute", "Design", "Full Control", "Edit"];
export const builtInRoles = BUILT_IN.map((name, index) => ({
  Id: 1073741825 + index,
  Name: name,
  RoleTypeKind: index + 1,
  Hidden: name === "Limited Access",
}));
const roleNames = new Map(builtInRoles.map(({ Id, Name }) => [String(Id), Name]));

export const isBuiltInRole = (id: string) => roleNames.has(id);

interface ScopeContext {
  site: Site;
  items: ItemStore;
  principals: Map<string, Principal>;
}

/** What is wrong with a scope of role assignments, if anything: unknown object, role or principal. */
export function whyUnknown(scope: Scope, context: ScopeContext): string | undefined {
  if (!isObject(scope.objectId, context)) {
    return `The object ${scope.objectId} of a role assignment cannot be found`;
  }
  for (const { roleId, principalId } of scope.assignments) {
    if (!isBuiltInRole(roleId)) return `The role ${roleId} cannot be found`;
    if (!context.principals.has(principalId)) {
      return `The principal ${principalId} is not in UserGroup.xml`;
    }
  }
  return undefined;
}

/** The scope as the record keeps it: JSON of role names and logins, since ids are private to the package. */
export function describeScope(scope: Scope, principals: Map<string, Principal>): string {
  return JSON.stringify(
    scope.assignments.map(({ roleId, principalId }) => ({
      role: roleNames.get(roleId),
      principal: principals.get(principalId)?.name,
    })),
  );
}

function isObject(id: string, { site, items }: ScopeContext): boolean {
  const isList = site.libraries.some(({ listId, rootFolderId }) =>
    [listId, rootFolderId].includes(id),
  );
  return id === site.webId || isList || items.byId(site.name, id)?.state === "present";
}
