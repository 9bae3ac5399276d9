import { join } from "node:path";
import { afterAll, beforeAll } from "@jest/globals";
import { type SharePoint, startSharePoint } from "../../local/sharepoint/server.ts";
import {
  type Azurite,
  removeFolder,
  startAzurite,
  temporaryFolder,
} from "../../local/sharepoint/testing/azurite.ts";
import { type Client, client, type TargetIds } from "../../local/sharepoint/testing/client.ts";
import { type PackageSpec, packageOf } from "../../local/sharepoint/testing/package-builder.ts";

/* Importing this gives a suite a SharePoint of its own, and what it says of a package that is submitted. */

export let azurite: Azurite;
export let folder: string;
let sharePoint: SharePoint;
export let finance: Client;
export let ids: TargetIds;

beforeAll(async () => {
  azurite = await startAzurite();
  folder = await temporaryFolder();
  sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [{ site: "finance", title: "Documents", folder: join(folder, "library") }],
    log: () => {},
  });
  finance = client(sharePoint.url, "finance");
  ids = await finance.ids();
});

afterAll(async () => {
  await sharePoint.close();
  await azurite.stop();
  await removeFolder(folder);
});

export async function run(spec: PackageSpec) {
  const pkg = await packageOf(azurite.service, ids, spec);
  const events = await finance.run(pkg, ids.webId);
  const complaints = (name: string) =>
    events.filter(({ Event }) => Event === name).map(({ Message }) => Message ?? "");
  return {
    pkg,
    last: events.at(-1),
    fatal: complaints("JobFatalError")[0],
    errors: complaints("JobError"),
    warnings: complaints("JobWarning"),
  };
}

export const replaced =
  (file: string, from: string | RegExp, to: string): PackageSpec["change"] =>
  (name, text) =>
    name === file ? text.replace(from, to) : text;
export const without =
  (file: string): PackageSpec["change"] =>
  (name, text) =>
    name === file ? undefined : text;

export type FatalCase = [what: string, change: PackageSpec["change"], message: RegExp];
