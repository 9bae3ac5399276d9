import { readFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import { validateXML } from "xmllint-wasm";
import { settingsSchema } from "../../../shared/contracts/settings.ts";
import { SYSTEM_ACCOUNT, writeManifests } from "../../../shared/package/manifest/index.ts";
import { file, folder, NOON, planInput, target } from "../../../test/support/records.ts";
import { packageManifest } from "../packages/packageManifest.ts";
import { planSegment } from "../packages/plan.ts";
import { PeopleTally } from "./notMapped.ts";
import { ownAccess } from "./ownAccess.ts";
import { packagePeople, type Resolved } from "./packagePeople.ts";

const SCHEMAS = new URL("../../../test/fixtures/migration-package/xsd/", import.meta.url);

const person = (name: string, isGroup = false): Resolved => ({
  login: isGroup ? `c:0t.c|tenant|${name}` : `i:0#.f|membership|${name}@contoso.com`,
  ...{ name, email: isGroup ? "" : `${name}@contoso.com`, isGroup },
});
const resolved = new Map<string, Resolved>([
  ["user ada", person("ada")],
  ["user contoso\\ada", person("ada")],
  ["user ben", person("ben")],
  ["group staff", person("staff", true)],
  ["user admins", person("admins", true)],
  ["user ghost", { why: "nobody" }],
]);
const settings = settingsSchema.parse({
  ...{ preserveOwner: true, preservePermissions: true, fallbackOwner: "boss@contoso.com" },
});
const access = (...list: string[]) =>
  list.map((each) => {
    const [kind, principal, right] = each.split(" ");
    return { kind, principal, right } as never;
  });

describe("the people of a package", () => {
  it("are in it once each, with ids that do not depend on order", () => {
    const people = packagePeople(settings, resolved);
    const other = packagePeople(settings, new Map([...resolved].reverse()));
    expect(people.users).toEqual(other.users);
    expect(people.users.map(({ name }) => name)).toEqual([
      ...[SYSTEM_ACCOUNT.name, "admins", "staff", "ada", "ben"],
    ]);
    const authors = ["ada", "CONTOSO\\ada", "ben"].map((owner) => people.authorOf({ owner }));
    expect(authors).toEqual([3, 3, 4]);
  });

  it("let the stand-in, or the system account, own what nobody does", () => {
    const owners = ["ghost", "admins", undefined].map((owner) => ({ owner }));
    const alone = packagePeople(settings, resolved);
    expect(owners.map(alone.authorOf)).toEqual(Array(3).fill(SYSTEM_ACCOUNT.id));
    const people = packagePeople(settings, resolved, person("boss"));
    const boss = people.users.find(({ name }) => name === "boss")?.id as number;
    expect(owners.map(people.authorOf)).toEqual([boss, boss, SYSTEM_ACCOUNT.id]);
    const unasked = packagePeople({ ...settings, preserveOwner: false }, resolved);
    expect(unasked.authorOf({ owner: "ada" })).toBe(SYSTEM_ACCOUNT.id);
  });

  it("have the strongest of their rights; who is nobody has none", () => {
    const { assignmentsOf, users } = packagePeople(settings, resolved);
    const of = (...list: string[]) =>
      assignmentsOf({ access: access(...list) })?.map(({ userId, right }) => [
        ...[users.find(({ id }) => id === userId)?.name, right],
      ]);
    expect(of("user ada read", "user CONTOSO\\ada full", "group staff write")).toEqual([
      ["ada", "full"],
      ["staff", "write"],
    ]);
    expect(of("user ghost full", "user ben read")).toEqual([["ben", "read"]]);
    expect(assignmentsOf({})).toBeUndefined();
  });

  it("close what nobody at the destination may open, to all but the stand-in", () => {
    const who = (fallback?: Resolved, list = ["user ghost full"]) => {
      const { assignmentsOf, users } = packagePeople(settings, resolved, fallback);
      return assignmentsOf({ access: access(...list) })?.map(({ userId, right }) => [
        ...[users.find(({ id }) => id === userId)?.name, right],
      ]);
    };
    expect(who()).toEqual([[SYSTEM_ACCOUNT.name, "full"]]);
    expect(who(person("boss"))).toEqual([["boss", "full"]]);
    expect(who({ why: "nobody" })).toEqual([[SYSTEM_ACCOUNT.name, "full"]]);
    expect(who(person("crowd", true), [])).toEqual([[SYSTEM_ACCOUNT.name, "full"]]);
  });

  it("are in manifests that the schemas accept, and folders above keep their owner", async () => {
    const plan = planSegment(
      planInput({
        open: [folder("top", { owner: "ben", access: access("user ben full") })],
        entries: [
          folder("top/a", { owner: "ada", access: access("user ada write", "group staff read") }),
          file("top/a/f", { owner: "ada", access: access("user ada full") }),
          file("top/a/g", { owner: "ghost" }),
        ],
      }),
    );
    const files = [1, 2].map((index) => ({
      ...{ status: "uploaded" as const, index, size: 10, modified: NOON, blob: `${index}.dat` },
      ...{ iv: "aXY=", md5: "bWQ1" },
    }));
    const upload = { kind: "upload" as const, files, archives: [] };
    const people = packagePeople(settings, resolved);
    const about = { source: "/srv", startedAt: NOON, people };
    const input = packageManifest(plan, upload, target(), about);
    expect(input.above?.map(({ authorId }) => authorId)).toEqual([4]);
    expect(input.folders.map(({ authorId, editorId }) => [authorId, editorId])).toEqual([[3, 3]]);
    expect(input.access?.map(({ path }) => path)).toEqual(["top/a", "top/a/f"]);
    const blobs = writeManifests(input);
    const text = (name: string) =>
      blobs.find((blob) => blob.name === name)?.xml.toString("utf8") ?? "";
    expect(text("Manifest.xml")).toContain('<Assignment RoleId="1073741827" PrincipalId="3" />');
    expect(text("Manifest.xml")).not.toContain(`ObjectId="${target().rootFolderId}"`);
    expect(text("UserGroup.xml")).toMatch(/Login="c:0t.c\|tenant\|staff"[^>]*IsDomainGroup="true"/);
    for (const [blob, schema] of [
      ["Manifest.xml", "ms-docs-constrained/DeploymentManifest.compilable.xsd"],
      ["Manifest.xml", "ms-2013-full/DeploymentManifest.xsd"],
      ["UserGroup.xml", "primepf-transcribed/DeploymentUserGroupMap.xsd"],
    ] as const) {
      const { errors } = await validateXML({
        xml: [{ fileName: blob, contents: text(blob) }],
        schema: await readFile(new URL(schema, SCHEMAS), "utf8"),
      });
      expect(errors).toEqual([]);
    }
  });
});

describe("what an item's own rights are", () => {
  const ofAda = access("user ada write");
  const ofBen = access("user ben read");

  it("are those of the scan, and in somebody else's folder those that the folder has at the source", () => {
    const at = (path: string, more = {}) => ({ ...folder(path, more), action: "migrate" as const });
    const plan = {
      above: [
        { ...folder("top", { access: ofAda }), id: "1" },
        { ...folder("top/theirs"), id: "2", adopted: true as const },
      ],
      items: [
        at("top/theirs/ours"),
        { ...at("top/theirs/too"), adopted: true as const },
        { ...file("top/theirs/ours/f"), action: "migrate" as const },
      ],
    };
    const of = (path: string, own?: typeof ofBen) =>
      ownAccess(plan)({ path, ...(own && { access: own }) });
    expect(of("top/x")).toBeUndefined();
    expect(of("top/x", ofBen)).toBe(ofBen);
    expect(of("top/theirs/f")).toBe(ofAda);
    expect(of("top/theirs/f", ofBen)).toBe(ofBen);
    expect(of("top/theirs/ours")).toBe(ofAda);
    expect(of("top/theirs/ours/f")).toBeUndefined();
    expect(of("top/theirs/too/f")).toBe(ofAda);
  });
});

describe("who is not mapped", () => {
  it("is named once, with the number of items and what becomes of them", () => {
    const tally = new PeopleTally(settings);
    tally.add({ owner: "ghost", access: access("user ghost full", "user ada read") });
    tally.add({ owner: "Ghost", access: access("group staff read") });
    tally.add({ owner: "ada", access: access("user ghost read", "user spirit read") });
    tally.add({ owner: "ada", access: access("user spirit read", "user ghost full") });
    tally.add({ owner: "ada", access: access("user banshee read", "user ada read") });
    tally.add({ owner: "admins", access: [] });
    const only = "only administrators of the site collection can open them";
    expect(tally.notMapped(resolved, { why: "no such person" })).toEqual([
      {
        ...{ principal: "admins", kind: "user", items: 1, why: expect.stringMatching(/group/) },
        consequence: "1 shown as by System Account",
      },
      {
        ...{ principal: "banshee", kind: "user", items: 1, why: "it was not looked up" },
        consequence: "has no access",
      },
      {
        ...{ principal: "boss@contoso.com", kind: "user", items: 6 },
        ...{ why: "fallbackOwner: no such person", consequence: "System Account stands in" },
      },
      {
        ...{ principal: "ghost", kind: "user", items: 4, why: "nobody" },
        consequence: `2 shown as by System Account; 2 closed: ${only}`,
      },
      {
        ...{ principal: "spirit", kind: "user", items: 2, why: "it was not looked up" },
        consequence: `2 closed: ${only}`,
      },
    ]);
    const consequences = tally
      .notMapped(resolved, person("boss"))
      .map(({ principal, consequence }) => [principal, consequence]);
    expect(consequences).toContainEqual([
      ...["spirit", "2 closed: only boss@contoso.com can open them"],
    ]);
    expect(consequences.map(([principal]) => principal)).not.toContain("boss@contoso.com");
  });
});
