import { once } from "node:events";
import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { type SharePoint, startSharePoint } from "./server.ts";
import { type Client, client } from "./testing/client.ts";
import { removeFolder, temporaryFolder } from "./testing/folders.ts";

let folder: string;
let library: string;
let sharePoint: SharePoint;
let site: Client;

const root = "/sites/migrated/Shared Documents";

beforeAll(async () => {
  folder = await temporaryFolder();
  library = join(folder, "library");
  await mkdir(join(library, "O'Brien & Söhne", "empty"), { recursive: true });
  for (const n of [1, 2, 3, 4, 5]) await writeFile(join(library, `${n}.txt`), "x".repeat(n));
  const odd = join(library, "O'Brien & Söhne", "100% (a), b='c'.txt");
  await writeFile(odd, "odd");
  await utimes(odd, new Date("2020-05-06T07:08:09Z"), new Date("2020-05-06T07:08:09Z"));
  await start();
});

async function start() {
  sharePoint = await startSharePoint({
    data: join(folder, "data"),
    libraries: [
      { site: "migrated", title: "Documents", folder: library },
      { site: "migrated", title: "It's archived", folder: join(folder, "second") },
      { site: "personal/ada_o_k_contoso_com", title: "Documents", folder: join(folder, "drive") },
    ],
    log: () => {},
  });
  site = client(sharePoint.url, "migrated");
}

afterAll(async () => {
  await sharePoint.close();
  await removeFolder(folder);
});

/** The URL of a file or folder, quoted for OData and percent-encoded. */
function byPath(kind: "File" | "Folder", path: string): string {
  const quoted = encodeURIComponent(path.replaceAll("'", "''"));
  return `/_api/web/Get${kind}ByServerRelativePath(decodedurl='${quoted}')`;
}

describe("site, web and lists", () => {
  it("have ids that stay and URLs below the origin", async () => {
    const { body } = await site.call("/_api/site?$select=Id,Url");
    expect(body).toEqual({
      Id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      Url: `${sharePoint.url}/sites/migrated`,
    });
    const web = await site.call("/_api/web?$select=Id,ServerRelativeUrl");
    expect(web.body).toEqual({ Id: expect.any(String), ServerRelativeUrl: "/sites/migrated" });
  });

  it("give a list with its root folder", async () => {
    const { body } = await site.call(
      "/_api/web/lists/getByTitle('documents')?$select=Id,Title,BaseTemplate,ItemCount&$expand=RootFolder",
    );
    expect(body).toEqual({
      Id: expect.any(String),
      Title: "Documents",
      BaseTemplate: 101,
      ItemCount: expect.any(Number),
      RootFolder: {
        UniqueId: expect.any(String),
        Name: "Shared Documents",
        ServerRelativeUrl: root,
      },
    });
    const nested = await site.call(
      "/_api/web/lists/getByTitle('Documents')?$select=RootFolder/ServerRelativeUrl&$expand=RootFolder",
    );
    expect(nested.body).toEqual({ RootFolder: { ServerRelativeUrl: root } });
    const plain = await site.call("/_api/web/lists/getByTitle('Documents')");
    expect(plain.body).not.toHaveProperty("RootFolder");
  });

  it("understand a doubled quote, with and without percent-encoding", async () => {
    for (const title of ["It''s archived", "It%27%27s%20archived"]) {
      const { body } = await site.call(`/_api/web/lists/getByTitle('${title}')?$select=Title`);
      expect(body).toEqual({ Title: "It's archived" });
    }
  });

  it("answer verbose when asked to", async () => {
    const headers = { accept: "application/json;odata=verbose" };
    const { body } = await site.call("/_api/web?$select=Id", { headers });
    expect(body).toEqual({ d: { __metadata: { type: "SP.Web" }, Id: expect.any(String) } });
    const missing = await site.call("/_api/web/lists/getByTitle('None')", { headers });
    expect(missing.status).toBe(404);
    expect(missing.body.error).toEqual({
      code: "-1, System.ArgumentException",
      message: {
        lang: "en-US",
        value: `List 'None' does not exist at site with URL '${sharePoint.url}/sites/migrated'.`,
      },
    });
  });
});

describe("files and folders", () => {
  it("say what is really on disk", async () => {
    const path = `${root}/O'Brien & Söhne/100% (a), b='c'.txt`;
    const select = "?$select=UniqueId,Name,Length,TimeCreated,TimeLastModified,UIVersionLabel";
    const { status, body } = await site.call(`${byPath("File", path)}${select}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      UniqueId: expect.any(String),
      Name: "100% (a), b='c'.txt",
      Length: "3",
      TimeCreated: expect.stringMatching(/^\d{4}-.*Z$/),
      TimeLastModified: "2020-05-06T07:08:09Z",
      UIVersionLabel: "1.0",
    });
    const upper = await site.call(`${byPath("File", path.toUpperCase())}?$select=UniqueId`);
    expect(upper.body).toEqual({ UniqueId: body.UniqueId });
    const alias = `/_api/web/GetFileByServerRelativePath(decodedurl=@p)${select}&@p='${encodeURIComponent(path.replaceAll("'", "''"))}'`;
    expect((await site.call(alias)).body).toEqual(body);
  });

  it("are listed in pages", async () => {
    const names: string[] = [];
    for (let skip = 0; ; skip += 2) {
      const page = await site.call(
        `${byPath("Folder", root)}/Files?$select=Name,Length&$top=2&$skip=${skip}`,
      );
      if (page.body.value.length === 0) break;
      names.push(...page.body.value.map(({ Name }: { Name: string }) => Name));
    }
    expect(names).toEqual(["1.txt", "2.txt", "3.txt", "4.txt", "5.txt"]);
    const folders = await site.call(`${byPath("Folder", root)}/Folders?$select=Name`);
    expect(folders.body).toEqual({ value: [{ Name: "O'Brien & Söhne" }] });
    const folder = await site.call(byPath("Folder", `${root}/O'Brien & Söhne`));
    expect(folder.body).toMatchObject({ Exists: true, ItemCount: 2, Name: "O'Brien & Söhne" });
  });

  it("that are not there are 404, in SharePoint's words", async () => {
    for (const path of [`${root}/none.txt`, "/sites/other/x.txt", `${root}/../../data/x`]) {
      const { status, body } = await site.call(byPath("File", path));
      expect(status).toBe(404);
      expect(body).toEqual({
        "odata.error": {
          code: "-2147024894, System.IO.FileNotFoundException",
          message: { lang: "en-US", value: "File Not Found." },
        },
      });
    }
    expect((await site.call(byPath("Folder", `${root}/none`))).status).toBe(404);
    const exists = await site.call(`${byPath("Folder", `${root}/none`)}?$select=Exists`);
    expect(exists).toMatchObject({ status: 200, body: { Exists: false } });
  });

  it("are forgotten when they are gone from disk", async () => {
    await writeFile(join(library, "gone.txt"), "");
    expect((await site.call(byPath("File", `${root}/gone.txt`))).status).toBe(200);
    await rm(join(library, "gone.txt"));
    expect((await site.call(byPath("File", `${root}/gone.txt`))).status).toBe(404);
    const { body } = await site.call(`${byPath("Folder", root)}/Files?$select=Name`);
    expect(body.value).toHaveLength(5);
    expect((await site.record()).map(({ path }) => path)).not.toContain("gone.txt");
  });
});

describe("what is made over REST", () => {
  it("a folder, once, whatever its case, where its parent is", async () => {
    const made = await site.post("/_api/web/folders", { ServerRelativeUrl: `${root}/New` });
    expect(made).toMatchObject({ status: 201, body: { Name: "New", Exists: true, ItemCount: 0 } });
    const path = encodeURIComponent(`'${root}/NEW'`);
    const again = await site.post(`/_api/web/folders/addUsingPath(decodedurl=${path})`, {});
    expect(again).toMatchObject({ status: 200, body: { UniqueId: made.body.UniqueId } });
    const below = await site.post("/_api/web/folders", { ServerRelativeUrl: `${root}/NEW/deep` });
    expect(below.body.ServerRelativeUrl).toBe(`${root}/New/deep`);
    const refused = await Promise.all(
      [`${root}/none/deep`, `${root}/a|b`, `${root}/1.txt`, "/sites/other/x"].map((url) =>
        site.post("/_api/web/folders", { ServerRelativeUrl: url }),
      ),
    );
    expect(refused.map(({ status }) => status)).toEqual([404, 400, 400, 404]);
    expect((await readdir(join(library, "New"))).join()).toBe("deep");
  });

  it("a document library, which is there after a restart", async () => {
    const list = { Title: "Made", BaseTemplate: 101 };
    const made = await site.post("/_api/web/lists", list);
    expect(made).toMatchObject({ status: 201, body: { Title: "Made", BaseType: 1 } });
    const again = await site.post("/_api/web/lists", list);
    expect(again.body["odata.error"].code).toBe("-2130575342, Microsoft.SharePoint.SPException");
    await sharePoint.close();
    await start();
    const found = await site.call("/_api/web/lists/getByTitle('Made')?$select=Id");
    expect(found.body).toEqual({ Id: made.body.Id });
  });
});

describe("what is deleted", () => {
  const recycled = async () => (await site.call("/_api/web/recyclebin")).body.value;

  it("goes to the recycle bin with recycle(), until it is purged", async () => {
    await mkdir(join(library, "Old"));
    for (const name of ["a.txt", "b.txt"]) await writeFile(join(library, "Old", name), name);
    await site.call(`${byPath("Folder", `${root}/Old`)}/Files`);
    const { body } = await site.post(`${byPath("Folder", `${root}/Old`)}/recycle()`, {});
    expect(await recycled()).toEqual([
      {
        ...{ Id: body.value, LeafName: "Old", DirName: "Shared Documents", ItemType: 5, Size: "0" },
        DeletedDate: expect.any(String),
      },
    ]);
    expect((await site.call(byPath("Folder", `${root}/Old`))).status).toBe(404);
    expect(await readdir(library)).not.toContain("Old");
    const purge = `/_api/web/recyclebin('${body.value}')/deleteObject()`;
    expect((await site.post(purge, {})).status).toBe(200);
    expect((await site.post(purge, {})).status).toBe(404);
    expect(await recycled()).toEqual([]);
  });

  it("is gone at once with DELETE", async () => {
    await writeFile(join(library, "short.txt"), "");
    const file = byPath("File", `${root}/short.txt`);
    const headers = { "x-http-method": "DELETE" };
    expect((await site.post(file, {}, { headers })).status).toBe(200);
    expect((await site.call(file)).status).toBe(404);
    expect(await recycled()).toEqual([]);
  });
});

describe("users, roles and OneDrives", () => {
  const logonName = "i:0#.f|membership|ada@contoso.com";

  it("become users of the site when they are ensured", async () => {
    const user = await site.post("/_api/web/ensureuser", { logonName });
    expect(user.body).toMatchObject({ LoginName: logonName, Email: "ada@contoso.com" });
    const again = await site.post("/_api/web/ensureuser", { logonName: logonName.toUpperCase() });
    expect(again.body.Id).toBe(user.body.Id);
    const login = encodeURIComponent(`'${logonName}'`);
    for (const path of ["/getByEmail('ada@contoso.com')", `(@v)?@v=${login}`]) {
      const { body } = await site.call(`/_api/web/siteusers${path}`);
      expect(body).toEqual(user.body);
    }
    expect((await site.call("/_api/web/siteusers")).body.value).toEqual([user.body]);
    expect((await site.call("/_api/web/siteusers/getByEmail('no@x.y')")).status).toBe(404);
  });

  it("have the permission levels and groups of every site", async () => {
    const roles = await site.call("/_api/web/roledefinitions?$select=Id,Name");
    expect(roles.body.value).toContainEqual({ Id: 1073741829, Name: "Full Control" });
    const groups = await site.call("/_api/web/sitegroups?$select=Title");
    expect(groups.body.value).toContainEqual({ Title: "migrated Members" });
  });

  it("have a OneDrive, which the profile names", async () => {
    const profile = async (person: string) => {
      const account = encodeURIComponent(`'i:0#.f|membership|${person}'`);
      const path = `/_api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)?@v=${account}`;
      const headers = { authorization: "Bearer any" };
      const response = await fetch(`${sharePoint.url}${path}`, { headers });
      return (await response.json()) as Record<string, unknown>;
    };
    const { PersonalUrl } = await profile("ada.o-k@contoso.com");
    expect(PersonalUrl).toBe(`${sharePoint.url}/personal/ada_o_k_contoso_com/`);
    const response = await fetch(
      `${PersonalUrl}_api/web/lists/getByTitle('Documents')/RootFolder`,
      {
        headers: { authorization: "Bearer any" },
      },
    );
    expect(await response.json()).toMatchObject({
      ServerRelativeUrl: "/personal/ada_o_k_contoso_com/Documents",
    });
    expect((await profile("ben@contoso.com")).PersonalUrl).toMatch(/\/Person\.aspx\?/);
    expect(await profile("nobody")).toEqual({ "odata.null": true });
  });
});

describe("the rest", () => {
  it("gives digests", async () => {
    const digest = await site.post("/_api/contextinfo", {});
    expect(digest.body).toMatchObject({ FormDigestValue: expect.stringMatching(/^0x/) });
  });

  it("wants POST where something is done, and valid JSON", async () => {
    expect((await site.call("/_api/web/ensureuser")).status).toBe(405);
    const broken = await site.call("/_api/web/ensureuser", { method: "POST", body: "{" });
    expect(broken.status).toBe(400);
    expect((await site.call("/_api/nothing")).status).toBe(404);
    expect((await client(sharePoint.url, "other").call("/_api/web")).status).toBe(404);
  });
});

describe("tokens", () => {
  let jwks: Server;
  let secured: SharePoint;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;

  beforeAll(async () => {
    keys = await generateKeyPair("RS256");
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256", use: "sig" };
    jwks = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    jwks.listen(0, "127.0.0.1");
    await once(jwks, "listening");
    secured = await startSharePoint({
      data: join(folder, "secured-data"),
      libraries: [{ site: "migrated", title: "Documents", folder: join(folder, "secured") }],
      jwks: `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/keys`,
      log: () => {},
    });
  });

  afterAll(async () => {
    await secured.close();
    jwks.close();
    jwks.closeAllConnections();
  });

  const token = (audience: string, expires = "5m", role = "Sites.FullControl.All") =>
    new SignJWT({ roles: [role] })
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .setAudience(audience)
      .setExpirationTime(expires)
      .sign(keys.privateKey);
  const statusFor = async (bearer: string) =>
    (await client(secured.url, "migrated", bearer).call("/_api/web")).status;

  it("are accepted for this server and refused otherwise", async () => {
    expect(await statusFor(await token(secured.url))).toBe(200);
    expect(await statusFor(await token("https://contoso.sharepoint.com"))).toBe(401);
    expect(await statusFor(await token(secured.url, "-1m"))).toBe(401);
    expect(await statusFor("nonsense")).toBe(401);
    expect(await statusFor(await token(secured.url, "5m", "Sites.ReadWrite.All"))).toBe(403);
    const forged = await generateKeyPair("RS256");
    const other = await new SignJWT({})
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .setAudience(secured.url)
      .setExpirationTime("5m")
      .sign(forged.privateKey);
    expect(await statusFor(other)).toBe(401);
  });

  it("are wanted even when nobody verifies them", async () => {
    const response = await fetch(`${sharePoint.url}/sites/migrated/_api/web`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    await response.body?.cancel();
  });
});
