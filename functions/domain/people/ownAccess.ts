import type { Access } from "../../../shared/contracts/people.ts";
import { parentOf } from "../../../shared/rules/paths.ts";
import type { Plan, PlanItem } from "../packages/plan.ts";

/**
 * The rights that an item is to have instead of what it would inherit. That is what the scan says of it, and in a folder that
 * somebody else made at the destination, whose permissions stay as they are, also what the scan says of the folder.
 */
export function ownAccess(
  plan: Plan,
): (item: Pick<PlanItem, "path" | "access">) => readonly Access[] | undefined {
  const folders = new Map<string, { access: readonly Access[] | undefined; isAdopted: boolean }>();
  // Parents come before what is in them.
  for (const { path, kind, access, adopted } of [...plan.above, ...plan.items])
    if (kind === "folder")
      folders.set(path, {
        access: access ?? folders.get(parentOf(path))?.access,
        isAdopted: adopted === true,
      });
  return ({ path, access }) => {
    const above = folders.get(parentOf(path));
    return access ?? (above?.isAdopted ? above.access : undefined);
  };
}
