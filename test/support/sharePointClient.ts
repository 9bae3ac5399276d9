import type { ContainerClient } from "@azure/storage-blob";
import { afterEach } from "@jest/globals";
import { isTerminal } from "../../functions/destinations/jobEvents.ts";
import { SharePointDestination } from "../../functions/destinations/sharePoint.ts";
import { packageManifest } from "../../functions/domain/packages/packageManifest.ts";
import { type Plan, planSegment } from "../../functions/domain/packages/plan.ts";
import type { Target } from "../../functions/domain/records.ts";
import { sasUrl } from "../../functions/security/sas.ts";
import type { Services } from "../../functions/services.ts";
import { openTable } from "../../functions/stores/storage/documents.ts";
import { ThrottleStore } from "../../functions/stores/throttle.ts";
import { noFaults } from "../../local/sharepoint/faults.ts";
import { encryptBuffer } from "../../shared/package/cipher.ts";
import { writeManifests } from "../../shared/package/manifest/index.ts";
import type { Answer } from "./answering.ts";
import { file, folder, NOON, planInput, target } from "./records.ts";
import { uniquePrefix } from "./storage.ts";
import { controlPlane, live, started, suiteStorage, testServers } from "./suite.ts";

/** A budget of requests that no other test has spent anything of. */
export const newBudget = async (connection: string): Promise<ThrottleStore> =>
  new ThrottleStore(await openTable(connection, `${uniquePrefix()}Budget`));

/** Clients of servers that answer as each test says, for what no SharePoint does on demand. */
export function fakedSharePoint() {
  const storage = suiteStorage();
  const serve = testServers();
  const credential = {
    getToken: async () => ({ token: "token", expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  return async (answer: Answer): Promise<{ client: SharePointDestination; at: Target }> => {
    const { origin } = await serve(answer);
    return {
      client: new SharePointDestination(credential, await newBudget(storage.connection)),
      at: target({ origin: `${origin}/sites/finance` }),
    };
  };
}

/** The client over the simulator, whose faults end with each test, and over servers that answer as tests say. */
export function sharePointClient() {
  const { around, app } = controlPlane();
  const destination = live(() => app.destination);
  const resolve = (more: object = {}) =>
    destination.resolve({ siteUrl: around.siteUrl, library: "Documents", folder: "", ...more });
  const resolved = started(() => resolve());
  const serve = testServers();
  afterEach(() => around.faults(noFaults));
  return {
    ...{ around, destination, resolve },
    target: resolved,
    /** A destination where every request is answered like this. */
    answering: async (answer: Answer): Promise<Target> =>
      target({ origin: `${(await serve(answer)).origin}/sites/finance` }),
    packageOf: (...paths: string[]) => uploadPackage(app, resolved, paths),
    /** Waits for the end of a job. */
    async ended(job: string): Promise<void> {
      for (let token = "0"; ; ) {
        const page = await destination.progress(resolved, job, token);
        if (page?.events.some(isTerminal)) return;
        token = page?.token ?? token;
        await new Promise((done) => setTimeout(done, 20));
      }
    },
  };
}

/** Uploads a package of these files, as agent and control plane do, and returns what `submit` takes. */
async function uploadPackage(
  { packageBlobs }: Pick<Services, "packageBlobs">,
  at: Target,
  paths: string[],
): Promise<{ plan: Plan; files: { dataUrl: string; manifestUrl: string; key: string } }> {
  const key = Buffer.alloc(32, 7);
  const name = `package-${Math.random().toString(36).slice(2)}`;
  const data = packageBlobs.getContainerClient(`${name}-d`);
  const manifest = packageBlobs.getContainerClient(`${name}-m`);
  await Promise.all([data.create(), manifest.create()]);
  const put = async (container: ContainerClient, blobName: string, plain: Buffer) => {
    const { iv, data: body, md5 } = encryptBuffer(key, plain);
    const blob = container.getBlockBlobClient(blobName);
    await blob.upload(body, body.length, { metadata: { IV: iv.toString("base64") } });
    await blob.createSnapshot();
    return { iv: iv.toString("base64"), md5 };
  };
  const folders = [...new Set(paths.flatMap((path) => path.split("/").slice(0, -1)))];
  const entries = [...folders.map((path) => folder(path)), ...paths.map((path) => file(path))];
  const plan = planSegment(planInput({ entries, target: at }));
  const files = await Promise.all(
    paths.map(async (path, n) => ({
      ...{ status: "uploaded" as const, index: folders.length + n, blob: `${n}.dat` },
      ...{ size: path.length, modified: NOON },
      ...(await put(data, `${n}.dat`, Buffer.from("x".repeat(path.length)))),
    })),
  );
  const upload = { kind: "upload" as const, files, archives: [] };
  const input = packageManifest(plan, upload, at, { source: "/srv", startedAt: NOON });
  for (const each of writeManifests(input)) await put(manifest, each.name, each.xml);
  return {
    plan,
    files: {
      dataUrl: await sasUrl(data, "sharePointReadsData", Date.now()),
      manifestUrl: await sasUrl(manifest, "sharePointReadsManifest", Date.now()),
      key: key.toString("base64"),
    },
  };
}
