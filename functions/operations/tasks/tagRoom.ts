import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { Services } from "../../services.ts";
import { countsOf } from "../../stores/taskIndex/taskCounts.ts";

/** Different tags of a session: each is a counter in one row that every change of a task rewrites. */
const MAX_TAGS_OF_SESSION = 1_000;

/** Refuses tags that would be too many for their session. */
export async function requireTagRoom(
  { tasks }: Pick<Services, "tasks">,
  sessionId: string,
  tags: ReadonlySet<string>,
): Promise<void> {
  if (tags.size === 0) return;
  const known = countsOf(await tasks.counts(sessionId), "tag").map(([tag]) => tag);
  const all = new Set([...known, ...tags]).size;
  if (all > MAX_TAGS_OF_SESSION && all > known.length)
    throw new LongshoreError(
      "CONFLICT",
      `a session has at most ${MAX_TAGS_OF_SESSION} different tags; these would make ${all}`,
    );
}
