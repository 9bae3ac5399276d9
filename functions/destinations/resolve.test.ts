import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { newBudget, sharePointClient } from "../../test/support/sharePointClient.ts";
import { SharePointDestination } from "./sharePoint.ts";

const { around, target, resolve, answering } = sharePointClient();

describe("resolving a destination", () => {
  it("finds site, library and ids", () => {
    expect(target).toMatchObject({
      ...{ origin: around.siteUrl, siteUrl: "/sites/finance", webUrl: "/sites/finance" },
      ...{ listTitle: "Documents", rootFolderUrl: "/sites/finance/Shared Documents", folders: [] },
    });
    for (const id of [target.siteId, target.webId, target.listId, target.rootFolderId])
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("finds the folders of the destination, as far as they are there", async () => {
    mkdirSync(join(around.library, "Old", "It's 100% # new"), { recursive: true });
    const { folders } = await resolve({ folder: "Old/It's 100% # new/Not yet" });
    expect(folders).toEqual([
      { path: "Old", id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      { path: "Old/It's 100% # new", id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      { path: "Old/It's 100% # new/Not yet" },
    ]);
  });

  it("says which library is missing", async () => {
    const missing = resolve({ library: "Bob's" });
    await expect(missing).rejects.toMatchObject({ code: "DESTINATION_NOT_FOUND" });
    await expect(missing).rejects.toThrow('the library "Bob\'s" of ');
  });

  it("says that the site is missing", async () => {
    const missing = resolve({ siteUrl: `${around.sharePoint.url}/sites/nowhere` });
    await expect(missing).rejects.toMatchObject({ code: "DESTINATION_NOT_FOUND" });
    await expect(missing).rejects.toThrow(/^the site .*nowhere does not exist/);
  });

  it.each([401, 403])("says that SharePoint answered %i", async (status) => {
    const { origin } = await answering({
      status,
      body: { error: { code: "-2147024891", message: { lang: "en", value: "Access denied." } } },
    });
    const refused = resolve({ siteUrl: origin });
    await expect(refused).rejects.toMatchObject({ code: "DESTINATION_ACCESS_DENIED" });
    await expect(refused).rejects.toThrow(`Access denied. (HTTP ${status})`);
  });

  it("does not take a sign-in page for an answer", async () => {
    const { origin } = await answering({ status: 200, body: "<html>Sign in</html>" });
    const answer = resolve({ siteUrl: origin });
    await expect(answer).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(answer).rejects.toThrow("is not understood");
  });
});

const LIBRARY = {
  ...{ Id: "D59F6108-E121-5D90-A928-8E627CBF42B0", Title: "Dokumente", BaseType: 1 },
  RootFolder: {
    UniqueId: "AB714CCD-9960-59AD-AFAB-80B5FCCA4745",
    ServerRelativeUrl: "/sites/finance/sub/Freigegebene Dokumente",
  },
};

interface Site {
  verbose?: boolean;
  libraries?: (typeof LIBRARY)[];
  /** What the profile service answers about a person. */
  profile?: { status: number; url?: string };
  mayCreate?: boolean;
}

/** A tenant with one web, as SharePoint answers about it; `asked` is filled with method and decoded path of every request. */
async function tenant(site: Site, asked: string[] = []) {
  const libraries = [...(site.libraries ?? [LIBRARY])];
  const at = await answering((request, body) => {
    const url = new URL(request.url ?? "", "http://x");
    const path = decodeURIComponent(url.pathname);
    asked.push(`${request.method} ${path}`);
    const origin = `http://${request.headers.host}`;
    const web = path.slice(0, path.indexOf("/_api"));
    const entity = (value: object) => (site.verbose ? { d: { __metadata: {}, ...value } } : value);
    const wanted = path.slice(path.indexOf("/_api/") + 6);
    const title = /getByTitle\('(.*)'\)$/.exec(wanted)?.[1]?.replaceAll("''", "'");
    if (wanted === "site")
      return { status: 200, body: entity({ Id: "5ITE", Url: `${origin}/sites/finance` }) };
    if (wanted === "web")
      return {
        status: 200,
        body: entity({ Id: "3EB", Url: origin + web, ServerRelativeUrl: web }),
      };
    if (wanted === "web/rootfolder") return { status: 200, body: entity({ UniqueId: "R00T" }) };
    if (wanted.startsWith("SP.UserProfiles")) {
      const { status = 403, url: PersonalUrl } = site.profile ?? {};
      return { status, body: entity({ PersonalUrl }) };
    }
    if (wanted === "web/lists" && request.method === "POST") {
      if (!site.mayCreate) return { status: 403, body: {} };
      const Title = String(body.Title);
      const RootFolder = { UniqueId: "NEW", ServerRelativeUrl: `${web}/${Title}` };
      libraries.push({ Id: "AAA", Title, BaseType: 1, RootFolder });
      return { status: 201, body: entity({ Id: "AAA" }) };
    }
    if (wanted === "web/lists")
      return {
        status: 200,
        body: site.verbose ? { d: { results: libraries } } : { value: libraries },
      };
    const found = libraries.find((each) => each.Title === title);
    return found ? { status: 200, body: entity(found) } : { status: 404, body: {} };
  });
  const { origin } = new URL(at.origin);
  const budget = await newBudget(around.storage.connection);
  const client = new SharePointDestination(around.credential, budget, { tenantUrl: origin });
  return {
    origin,
    resolve: (more: object = {}) =>
      client.resolve({
        ...{ siteUrl: `${origin}/sites/finance/sub`, library: "Dokumente", folder: "" },
        ...more,
      }),
  };
}

describe("a site", () => {
  it.each([false, true])(
    "may be a subsite, whose web is not the site's (verbose: %s)",
    async (verbose) => {
      const { origin, resolve } = await tenant({ verbose });
      expect(await resolve()).toEqual({
        ...{ origin: `${origin}/sites/finance/sub`, siteId: "5ite", siteUrl: "/sites/finance" },
        ...{ webId: "3eb", webUrl: "/sites/finance/sub", webRootFolderId: "r00t", folders: [] },
        ...{ listId: LIBRARY.Id.toLowerCase(), listTitle: "Dokumente" },
        rootFolderId: LIBRARY.RootFolder.UniqueId.toLowerCase(),
        rootFolderUrl: "/sites/finance/sub/Freigegebene Dokumente",
      });
    },
  );
});

describe("a library", () => {
  it("is found by its name in URLs, whatever its title", async () => {
    expect(await resolve({ library: "shared documents" })).toMatchObject({
      listTitle: "Documents",
    });
    for (const verbose of [false, true]) {
      const { resolve } = await tenant({ verbose });
      expect(await resolve({ library: "freigegebene dokumente" })).toMatchObject({
        listTitle: "Dokumente",
      });
    }
  });

  it("that is a list is none", async () => {
    const { resolve } = await tenant({ libraries: [{ ...LIBRARY, BaseType: 0 }] });
    const refused = resolve();
    await expect(refused).rejects.toMatchObject({ code: "DESTINATION_NOT_FOUND" });
    await expect(refused).rejects.toThrow("is a list, no document library");
  });

  it("is made if that is asked for, and only then", async () => {
    const asked: string[] = [];
    const { resolve } = await tenant({ mayCreate: true }, asked);
    await expect(resolve({ library: "Bob's new" })).rejects.toMatchObject({
      code: "DESTINATION_NOT_FOUND",
    });
    expect(asked.filter((each) => each.startsWith("POST"))).toEqual([]);
    const made = await resolve({ library: "Bob's new", createLibrary: true });
    expect(made).toMatchObject({
      ...{ listId: "aaa", listTitle: "Bob's new", rootFolderUrl: "/sites/finance/sub/Bob's new" },
    });
    expect(await resolve({ library: "Bob's new", createLibrary: true })).toEqual(made);
    expect(asked.filter((each) => each.startsWith("POST"))).toHaveLength(1);
  });

  it("that may not be made is a matter of rights", async () => {
    const { resolve } = await tenant({});
    await expect(resolve({ library: "New", createLibrary: true })).rejects.toMatchObject({
      code: "DESTINATION_ACCESS_DENIED",
    });
  });
});

describe("a OneDrive", () => {
  const ada = { siteUrl: "Ada.Nowak@contoso.com" };

  it.each([false, true])(
    "is found by its owner's e-mail in the profile service (verbose: %s)",
    async (verbose) => {
      const asked: string[] = [];
      const site: Site = { verbose };
      const { origin, resolve } = await tenant(site, asked);
      site.profile = { status: 200, url: `${origin}/personal/ada_n/` };
      expect(await resolve(ada)).toMatchObject({ origin: `${origin}/personal/ada_n` });
      expect(asked[0]).toBe(
        "GET /_api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)",
      );
    },
  );

  it.each([
    ["may not be read", { status: 403 }],
    ["does not know the person", { status: 404 }],
    [
      "has the page that would make one",
      { status: 200, url: "https://c-my.sharepoint.com/Person.aspx?a=b" },
    ],
    ["has nothing", { status: 200 }],
  ])("is found by the rule of its URL when the profile %s", async (_what, profile) => {
    const { origin, resolve } = await tenant({ profile });
    expect(await resolve(ada)).toMatchObject({
      origin: `${origin}/personal/ada_nowak_contoso_com`,
    });
  });

  it("needs the tenant's root", async () => {
    const budget = await newBudget(around.storage.connection);
    const client = new SharePointDestination(around.credential, budget);
    const place = { ...ada, library: "Documents", folder: "" };
    await expect(client.resolve(place)).rejects.toThrow("SHAREPOINT_URL is missing");
  });
});
