import type { Target } from "../domain/records.ts";

const at = (origin: string, serverRelative: string) =>
  `${new URL(origin).origin}${serverRelative.replace(/\/$/, "")}`;

/** Absolute URL of the target's site collection, whose `_api/site` has the jobs. */
export const siteOf = ({ origin, siteUrl }: Target): string => at(origin, siteUrl);

/** Absolute URL of the target's web, whose `_api/web` has the items; that of a subsite is not the site's. */
export const webOf = ({ origin, webUrl }: Target): string => at(origin, webUrl);
