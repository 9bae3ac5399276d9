import { type PackageSpec, packageOf } from "../../local/sharepoint/testing/package-builder.ts";
import { simulatedSite } from "./simulatedSite.ts";

/* Importing this gives a suite a SharePoint of its own, and what it says of a package that is submitted. */

export const { azurite, finance, ids, at } = simulatedSite();

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
