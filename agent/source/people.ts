import { execFile } from "node:child_process";
import type { Stats } from "node:fs";
import { promisify } from "node:util";
import type { Access, Right } from "../../shared/contracts/people.ts";

const run = promisify(execFile);

/** Who owns an item, and who may do what with it, by all the file system's mode bits say. */
export interface Ownership {
  owner: string;
  access: Access[];
}

export type OwnershipOf = (stats: Stats) => Promise<Ownership>;

/**
 * Ownership for one scan, on systems with users and groups of POSIX; undefined on Windows, whose security descriptors Node.js
 * does not read. Rights are those of owner and group; what everybody else may do names nobody. Each name is asked for once.
 */
export function ownershipReader(): OwnershipOf | undefined {
  if (process.platform === "win32") return undefined;
  const users = namesOf("passwd", "uid");
  const groups = namesOf("group", "gid");
  return async ({ uid, gid, mode }) => {
    const owner = await users(uid);
    const access: Access[] = [];
    const ofOwner = rightOf(mode >> 6);
    const ofGroup = rightOf(mode >> 3);
    if (ofOwner) access.push({ principal: owner, kind: "user", right: ofOwner });
    if (ofGroup) access.push({ principal: await groups(gid), kind: "group", right: ofGroup });
    return { owner, access };
  };
}

export const isSameAccess = (one: readonly Access[], other: readonly Access[]): boolean =>
  one.length === other.length &&
  one.every(({ principal, kind, right }, index) => {
    const twin = other[index] as Access;
    return twin.principal === principal && twin.kind === kind && twin.right === right;
  });

/** Without the right to read, what is left at SharePoint would be more than there is: it has no way to write only. */
function rightOf(bits: number): Right | undefined {
  if (!(bits & 0o4)) return undefined;
  return bits & 0o2 ? "write" : "read";
}

/** getent asks the directory of the machine, whatever it is; listing it whole is what directories often refuse. */
function namesOf(database: "passwd" | "group", prefix: string): (id: number) => Promise<string> {
  const known = new Map<number, Promise<string>>();
  const ask = async (id: number) => {
    const { stdout } = await run("getent", [database, `${id}`], { timeout: 10_000 }).catch(() => ({
      // No such id (exit code 2), or no getent: the number is all there is.
      stdout: "",
    }));
    return stdout.split(":")[0] || `${prefix}:${id}`;
  };
  return (id) => {
    const name = known.get(id) ?? ask(id);
    known.set(id, name);
    return name;
  };
}
