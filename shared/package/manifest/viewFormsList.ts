import { element } from "./xml.ts";

/** ViewFormsList.xml: views and forms; a file share has none. The namespace really has no "s" before "list". */
export function viewFormsList(): string {
  return element("ViewFormsList", { xmlns: "urn:deployment-viewformlist-schema" });
}
