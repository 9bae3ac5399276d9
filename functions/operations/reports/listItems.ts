import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { ItemQuery, ItemView } from "../../../shared/contracts/reports.ts";
import type { Services } from "../../services.ts";
import { readOutcomes } from "../../stores/rounds/roundBlobs.ts";

/** As many packages are looked through for one page: an answer takes about as long whatever is asked for. */
const PACKAGES_PER_PAGE = 40;

/** A page of a round's items with what became of them. The token names the package and the item to go on at. */
export async function listItems(
  { rounds, state }: Services,
  ref: { taskId: string; round: number },
  { result, errorCode, limit, after = "0.0" }: ItemQuery,
): Promise<{ items: ItemView[]; next?: string }> {
  const [from = 0, skip = 0] = after.split(".").map(Number);
  const items: ItemView[] = [];
  let looked = 0;
  const packages = rounds.listPackages(ref.taskId, ref.round, { from, pageSize: 100 });
  for await (const { segment, value } of packages) {
    if (looked++ === PACKAGES_PER_PAGE) return { items, next: `${segment}.0` };
    // Nothing is known yet of what became of its items.
    if (value.state !== "recorded") continue;
    let index = -1;
    for await (const outcome of readOutcomes(state.outcomes, ref, segment)) {
      index++;
      if (segment === from && index < skip) continue;
      if (result && outcome.result !== result) continue;
      if (errorCode && outcome.issue?.code !== errorCode) continue;
      if (items.length === limit) return { items, next: `${segment}.${index}` };
      items.push(viewItem(outcome));
    }
  }
  return { items };
}

function viewItem(outcome: Outcome): ItemView {
  const { path, kind, size, modified, result, issue, id, job, agent, olderVersions } = outcome;
  return {
    ...{ path, kind, size, result, package: outcome.package },
    modified: new Date(modified).toISOString(),
    ...(issue && {
      code: issue.code,
      message: issue.message,
      remedy: errorDefinition(issue.code).remedy,
    }),
    ...(olderVersions && { versions: olderVersions }),
    ...(id && result !== "failed" && { id }),
    ...(job && { job }),
    ...(agent && { agent }),
  };
}
