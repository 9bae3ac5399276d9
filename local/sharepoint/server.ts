import { changeFaults, type Faults, noFaults } from "./faults.ts";
import { jobRunner } from "./import/job-runner.ts";
import { type Log, logToStderr } from "./logger.ts";
import { openDatabase } from "./record/database.ts";
import { itemStore } from "./record/item-store.ts";
import { jobStore } from "./record/job-store.ts";
import { libraryFolders } from "./record/library-folder.ts";
import { recycleBin } from "./record/recycle-bin.ts";
import { sealedSecrets } from "./record/sealed-secrets.ts";
import { startHttpServer } from "./rest/http-server.ts";
import { provisioning } from "./rest/provisioning.ts";
import { createLibrary, type LibraryOption, openSites } from "./sites.ts";

export interface SharePointOptions {
  /** 0 or nothing: any free port. */
  port?: number;
  /** Folder for the simulator's own state. */
  data: string;
  libraries: LibraryOption[];
  /** URL of the key set that tokens are verified with; without it every token is accepted. */
  jwks?: string;
  /** Jobs of one site collection that run at the same time; 4 by default. */
  concurrency?: number;
  /** Connection string of a storage account for the containers and queues that SharePoint provides. */
  storage?: string;
  faults?: Partial<Faults>;
  log?: Log;
}

export interface SharePoint {
  /** Origin, e.g. "http://127.0.0.1:4711"; site collections are below it at /sites/<name>. */
  url: string;
  port: number;
  /** Interrupts running jobs (they go on at the next start), closes connections and the database. */
  close(): Promise<void>;
}

const EXPIRY_CHECK_MS = 3600 * 1000;

/** Starts the simulator and takes up the jobs that an earlier process left unfinished. */
export async function startSharePoint(options: SharePointOptions): Promise<SharePoint> {
  const log = options.log ?? logToStderr;
  const database = openDatabase(options.data);
  const switches = { current: changeFaults(noFaults, { ...options.faults }) };
  const faults = () => switches.current;
  const sites = openSites(database, options.libraries, options.data);
  const items = itemStore(database);
  const bin = recycleBin(database, items);
  const folders = libraryFolders(database, items, bin, faults);
  const jobs = jobStore(database, sealedSecrets(options.data));
  const parts = { sites, database, jobs, items, bin, folders, faults, log };
  const runner = jobRunner({ ...parts, concurrency: options.concurrency ?? 4 });
  const { server, origin } = await startHttpServer({
    ...parts,
    port: options.port ?? 0,
    jwks: options.jwks,
    runner,
    switches,
    provisioning: options.storage === undefined ? undefined : provisioning(options.storage),
    createLibrary: (site, title) => createLibrary(database, site, title, options.data),
  });
  const expiryTimer = setInterval(() => jobs.dropExpiredEvents(), EXPIRY_CHECK_MS);
  expiryTimer.unref();
  jobs.dropExpiredEvents();
  runner.resume();
  log("started", { url: origin, sites: [...sites.values()].map(({ url }) => url) });

  return {
    url: origin,
    port: Number(new URL(origin).port),
    async close() {
      clearInterval(expiryTimer);
      server.close();
      server.closeIdleConnections();
      await runner.stop();
      server.closeAllConnections();
      database.close();
      log("stopped", { url: origin });
    },
  };
}
