import { element } from "./xml.ts";

/** Requirements.xml: features and templates the target would need; content of a file share needs none. An empty root rather
 * than no file: SharePoint warns about a missing one, and one report has a job fail on it. */
export function requirements(): string {
  return element("Requirements", { xmlns: "urn:deployment-requirements-schema" });
}
