import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ItemStore } from "../record/item-store.ts";
import type { Site } from "../sites.ts";
import { badRequest } from "./odata.ts";

/**
 * GET /_simulator/items?site=..&list=..: the record of a library (or of all libraries of the site), one JSON object per
 * line in path order. Claims of running jobs are in it, with state "claimed".
 */
export async function streamItems(
  sites: Map<string, Site>,
  items: ItemStore,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const site = sites.get((query.get("site") ?? "").toLowerCase());
  if (!site) throw badRequest(`site must be one of ${[...sites.keys()].join(", ")}`);
  const title = query.get("list");
  const libraries = site.libraries.filter((library) => title === null || library.title === title);
  if (libraries.length === 0) throw badRequest(`list "${title}" is not a library of ${site.name}`);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  for (const library of libraries) {
    for (let last = ""; ; ) {
      const page = items.after(library.listId, last);
      const end = page.at(-1);
      if (!end) break;
      last = end.path;
      const lines = page.map((item) => `${JSON.stringify({ list: library.title, ...item })}\n`);
      if (!response.write(lines.join(""))) await once(response, "drain");
    }
  }
  response.end();
}
