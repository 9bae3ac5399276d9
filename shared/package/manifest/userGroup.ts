import { type ManifestUser, SYSTEM_ACCOUNT } from "./types.ts";
import { element } from "./xml.ts";

/**
 * UserGroup.xml (the blob is named so, although its root is UserGroupMap): the people that `Author` and `ModifiedBy`
 * refer to. `SystemId` and `IsDeleted` are required: without SystemId a job dies while it reads this file.
 */
export function userGroup(users: readonly ManifestUser[]): string {
  return element("UserGroupMap", { xmlns: "urn:deployment-usergroupmap-schema" }, [
    element("Users", {}, users.map(userElement)),
    element("Groups", {}),
  ]);
}

/** The users a package really has: never none, so that every item has somebody to refer to. */
export function packageUsers(users: readonly ManifestUser[]): readonly ManifestUser[] {
  return users.length === 0 ? [SYSTEM_ACCOUNT] : users;
}

function userElement(user: ManifestUser): string {
  return element("User", {
    Id: user.id,
    Name: user.name,
    Login: user.login,
    Email: user.email,
    IsDomainGroup: user.isDomainGroup ?? false,
    IsSiteAdmin: user.isSiteAdmin ?? false,
    SystemId: user.systemId,
    IsDeleted: user.isDeleted ?? false,
    Flags: 0,
  });
}
