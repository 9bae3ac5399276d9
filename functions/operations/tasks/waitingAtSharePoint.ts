import type { RoundRecord } from "../../domain/records.ts";
import type { Services } from "../../services.ts";

type App = Pick<Services, "destination" | "slots" | "config">;

/** Until when SharePoint takes no request of the app for a site, as ISO text; costs a look at one row at most. */
export const throttledUntil = (
  { destination }: Pick<Services, "destination">,
  siteUrl: string,
): Promise<string | undefined> => destination.throttledUntil(siteUrl);

/** What a round waits for at SharePoint, if it does. `sealed`: it has packages that could be submitted. */
export async function waitingAtSharePoint(
  app: App,
  { target }: RoundRecord,
  { sealed }: { sealed: boolean },
): Promise<string | undefined> {
  if (!target) return undefined;
  const until = await throttledUntil(app, target.origin);
  if (until) return `SharePoint throttles the app until ${until}`;
  if (!sealed) return undefined;
  const jobs = await app.slots.count(target.siteId, Date.now());
  if (jobs < app.config.IMPORT_JOBS_PER_SITE) return undefined;
  return `the site has ${jobs} import jobs, as many as it may have`;
}
