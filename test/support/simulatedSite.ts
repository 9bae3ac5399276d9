import { join } from "node:path";
import { type SharePoint, startSharePoint } from "../../local/sharepoint/server.ts";
import { type Client, client, type TargetIds } from "../../local/sharepoint/testing/client.ts";
import { removeFolder, temporaryFolder } from "../../local/sharepoint/testing/folders.ts";
import { type Azurite, startAzurite } from "./azurite.ts";
import { live, started } from "./suite.ts";

/** The stand-in for SharePoint with one site, whose library is a folder, and storage for packages. */
export interface SimulatedSite {
  azurite: Azurite;
  sharePoint: SharePoint;
  /** A client of the site. */
  finance: Client;
  ids: TargetIds;
  /** Where something is below the suite's own folder; in "library" are the files of the site. */
  at(...names: string[]): string;
}

interface SiteOptions {
  /** How many jobs run at once. */
  concurrency?: number;
  /** The stand-in lends containers and queues. */
  lends?: boolean;
}

/** A site for a suite. */
export function simulatedSite({ lends = false, ...options }: SiteOptions = {}): SimulatedSite {
  const site = started(
    async () => {
      const azurite = await startAzurite({ queues: lends });
      const folder = await temporaryFolder();
      const sharePoint = await startSharePoint({
        data: join(folder, "data"),
        libraries: [{ site: "finance", title: "Documents", folder: join(folder, "library") }],
        ...(lends && { storage: azurite.connection }),
        log: () => {},
        ...options,
      });
      const finance = client(sharePoint.url, "finance");
      return { azurite, folder, sharePoint, finance, ids: await finance.ids() };
    },
    async ({ azurite, folder, sharePoint }) => {
      await sharePoint.close();
      await azurite.stop();
      await removeFolder(folder);
    },
  );
  return {
    azurite: live(() => site.azurite),
    sharePoint: live(() => site.sharePoint),
    finance: live(() => site.finance),
    ids: live(() => site.ids),
    at: (...names) => join(site.folder, ...names),
  };
}
