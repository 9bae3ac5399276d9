import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";

interface LibraryIds {
  listId: string;
  rootFolderId: string;
}

/** A document library that is a folder on disk. */
export interface Library extends LibraryIds {
  site: Site;
  title: string;
  /** Name in URLs: the title; that of "Documents" is "Shared Documents", but in a OneDrive. */
  urlName: string;
  folder: string;
}

interface SiteIds {
  siteId: string;
  webId: string;
  webRootFolderId: string;
}

/** A site collection with one web. */
export interface Site extends SiteIds {
  /** "finance", or "personal/ada_contoso_com" for a person's OneDrive. */
  name: string;
  /** Server-relative: "/sites/finance", "/personal/ada_contoso_com". */
  url: string;
  libraries: Library[];
}

export interface LibraryOption {
  site: string;
  title: string;
  /** Absolute; created if it does not exist. */
  folder: string;
}

/**
 * Brings the configured libraries up with the ids they had before, and those that were created over REST; unknown ones get
 * new ids.
 */
export function openSites(
  database: DatabaseSync,
  configured: LibraryOption[],
  dataFolder: string,
): Map<string, Site> {
  const sites = new Map<string, Site>();
  for (const option of [...configured, ...createdLibraries(database, configured, dataFolder)]) {
    if (!/^(personal\/)?[\w.-]+$/.test(option.site)) {
      const rule = "must be a URL segment: letters, digits, . _ -";
      throw new Error(`Library site "${option.site}" ${rule}`);
    }
    if (!isAbsolute(option.folder)) {
      throw new Error(`Library folder "${option.folder}" must be an absolute path`);
    }
    const key = option.site.toLowerCase();
    const site = sites.get(key) ?? openSite(database, option.site);
    sites.set(key, site);
    if (site.libraries.some((library) => library.title === option.title)) {
      throw new Error(`Library "${option.title}" of site "${option.site}" is configured twice`);
    }
    mkdirSync(option.folder, { recursive: true });
    site.libraries.push(openLibrary(database, site, option));
  }
  return sites;
}

const foldersOfCreated = (dataFolder: string) => resolve(dataFolder, "libraries");

function createdLibraries(
  database: DatabaseSync,
  configured: LibraryOption[],
  dataFolder: string,
): LibraryOption[] {
  const rows = database.prepare("SELECT site, title, folder FROM libraries ORDER BY rowid").all();
  const sites = new Set(configured.map(({ site }) => site));
  return (rows as unknown as LibraryOption[]).filter(
    ({ site, folder }) => sites.has(site) && folder.startsWith(foldersOfCreated(dataFolder)),
  );
}

/** A new library, in a folder among the simulator's own data. */
export function createLibrary(
  database: DatabaseSync,
  site: Site,
  title: string,
  dataFolder: string,
): Library {
  const folder = join(foldersOfCreated(dataFolder), randomUUID());
  mkdirSync(folder, { recursive: true });
  const library = openLibrary(database, site, { title, folder });
  site.libraries.push(library);
  return library;
}

function openSite(database: DatabaseSync, name: string): Site {
  const insert = database.prepare("INSERT OR IGNORE INTO sites VALUES (?, ?, ?, ?)");
  insert.run(name, randomUUID(), randomUUID(), randomUUID());
  const select = `SELECT site_id AS siteId, web_id AS webId, web_root_folder_id AS webRootFolderId
    FROM sites WHERE name = ?`;
  const ids = database.prepare(select).get(name) as unknown as SiteIds;
  const url = name.startsWith("personal/") ? `/${name}` : `/sites/${name}`;
  return { name, url, ...ids, libraries: [] };
}

type Named = Pick<LibraryOption, "title" | "folder">;

function openLibrary(database: DatabaseSync, site: Site, { title, folder }: Named): Library {
  const insert = database.prepare("INSERT OR IGNORE INTO libraries VALUES (?, ?, ?, ?, ?)");
  insert.run(site.name, title, folder, randomUUID(), randomUUID());
  const select = `SELECT list_id AS listId, root_folder_id AS rootFolderId
    FROM libraries WHERE site = ? AND title = ? AND folder = ?`;
  const ids = database.prepare(select).get(site.name, title, folder) as unknown as LibraryIds;
  const isRenamed = title === "Documents" && site.url.startsWith("/sites/");
  return { site, title, urlName: isRenamed ? "Shared Documents" : title, folder, ...ids };
}

/** The library and the path inside it ("" for its root) of a web-relative URL such as "Shared Documents/a/b.txt". */
export function locate(site: Site, webUrl: string): { library: Library; path: string } | undefined {
  const key = webUrl.toLowerCase();
  for (const library of site.libraries) {
    const root = library.urlName.toLowerCase();
    if (key === root) return { library, path: "" };
    if (key.startsWith(`${root}/`)) return { library, path: webUrl.slice(root.length + 1) };
  }
  return undefined;
}

/** Web-relative form of a server-relative URL, or undefined if it is not in the site. */
export function webRelative(site: Site, serverUrl: string): string | undefined {
  const root = `${site.url}/`;
  return serverUrl.toLowerCase().startsWith(root.toLowerCase())
    ? serverUrl.slice(root.length).replace(/\/$/, "")
    : undefined;
}
