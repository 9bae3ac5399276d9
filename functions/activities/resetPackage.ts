import type { PackageRef } from "../stores/rounds.ts";
import { defineActivity } from "./activity.ts";

/** Puts a package whose attempt failed back to where it can be planned anew, with other containers and another key. */
export const resetPackage = defineActivity(
  "resetPackage",
  async (ref: PackageRef, { rounds }): Promise<void> => {
    const pkg = await rounds.package(ref);
    if (pkg.state === "recorded") return;
    await rounds.amendPackage(ref, ({ summary, attempt, counted }) => ({
      summary,
      state: "scanned",
      // An attempt that ended before its plan was written counts too: the next one must look at the destination first.
      attempt: Math.max(1, attempt),
      counted,
    }));
  },
);
