import { element } from "./xml.ts";

/** LookupListMap.xml: lists that lookup columns point to; a file share has none. */
export function lookupListMap(): string {
  return element("LookupLists", { xmlns: "urn:deployment-lookuplistmap-schema" });
}
