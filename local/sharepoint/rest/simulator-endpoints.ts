import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ItemStore } from "../record/item-store.ts";
import type { Library, Site } from "../sites.ts";
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
  await pipeline(Readable.from(linesOf(libraries, items)), response);
}

function* linesOf(libraries: Library[], items: ItemStore): Generator<string> {
  for (const { listId, title } of libraries) {
    for (const item of items.all(listId)) yield `${JSON.stringify({ list: title, ...item })}\n`;
  }
}
