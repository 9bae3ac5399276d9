import { describe, expect, it } from "@jest/globals";
import type { Principal } from "../../../shared/contracts/people.ts";
import { createMapping, readUserMap } from "./userMap.ts";

const user = (principal: string): Principal => ({ principal, kind: "user" });
const group = (principal: string): Principal => ({ principal, kind: "group" });
const mapping = (text: string, lookup = true) => {
  const { rows, problems } = readUserMap(text);
  expect(problems).toEqual([]);
  return createMapping(rows, { lookup });
};
const member = (upn: string) => `i:0#.f|membership|${upn}`;

describe("a user map", () => {
  it("has no header, and TRUE and FALSE in any case", () => {
    const text =
      "\ufeffCONTOSO\\ada,ada@contoso.com,FALSE\r\n\r\nS-1-5-21-1, ben@contoso.com ,false\nstaff,staff@contoso.com,true\n";
    expect(readUserMap(text)).toEqual({
      rows: [
        { login: "CONTOSO\\ada", to: "ada@contoso.com", isGroup: false },
        { login: "S-1-5-21-1", to: "ben@contoso.com", isGroup: false },
        { login: "staff", to: "staff@contoso.com", isGroup: true },
      ],
      problems: [],
    });
    expect(readUserMap("")).toEqual({ rows: [], problems: [] });
  });

  it("is refused with every row that is wrong, and what to do about it", () => {
    const rows = [
      "ada,ada@contoso.com,FALSE",
      "Source,Destination,IsGroup",
      "ben,ben@contoso.com",
      ",x@contoso.com,FALSE",
      "carl,carl,FALSE",
      "ADA,other@contoso.com,false",
      "@old.local,dora@contoso.com,FALSE",
      "@old.local,@,FALSE",
      "eve,eve\u0001@contoso.com,FALSE",
      "staff,,TRUE",
      "ada,ada-group@contoso.com,TRUE",
    ];
    const { problems } = readUserMap(rows.join("\n"));
    expect(problems.map(({ row }) => row)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("column C"),
      expect.stringContaining("2 columns"),
      expect.stringContaining("no login"),
      expect.stringContaining("no user principal name"),
      expect.stringContaining("as row 1 does"),
      expect.stringContaining("whole domain"),
      expect.stringContaining("no domain"),
      expect.stringContaining("no user principal name"),
      expect.stringContaining("no group"),
    ]);
  });
});

describe("mapping", () => {
  it("asks for people by principal name, and for groups by object id or address", () => {
    const map = mapping(
      [
        "ada,ada.nowak@contoso.com,FALSE",
        "staff,0D5F9D3E-6a55-4d2c-9c8a-3b1f7e2a9c10,TRUE",
        "hr,hr@contoso.com,TRUE",
        "all,c:0-.f|rolemanager|spo-grid-all-users/1,TRUE",
      ].join("\n"),
    );
    expect(map(user("ADA"))).toEqual({ login: member("ada.nowak@contoso.com"), isGroup: false });
    const id = "0d5f9d3e-6a55-4d2c-9c8a-3b1f7e2a9c10";
    expect(map(group("staff"))).toEqual({ login: `c:0t.c|tenant|${id}`, isGroup: true });
    expect(map(group("hr"))).toEqual({ login: "hr@contoso.com", isGroup: true });
    expect(map(group("all"))).toMatchObject({ login: "c:0-.f|rolemanager|spo-grid-all-users/1" });
  });

  it("takes a row of the principal's kind before one of the other kind", () => {
    const map = mapping(
      "ada,ada@c.com,FALSE\nada,ada-team@c.com,TRUE\nC\\admins,root@c.com,FALSE\nbackup,b@c.com,FALSE",
    );
    expect(map(user("ada"))).toMatchObject({ login: member("ada@c.com") });
    expect(map(group("ada"))).toMatchObject({ login: "ada-team@c.com" });
    expect(map(group("backup"))).toHaveProperty("why");
    expect(map(group("C\\admins"))).toEqual({ login: member("root@c.com"), isGroup: false });
  });

  it("maps a whole domain, unless somebody of it has a row", () => {
    const map = mapping("@old.local,@contoso.com,FALSE\nceo@old.local,ada@contoso.com,FALSE");
    expect(map(user("ben@OLD.local"))).toMatchObject({ login: member("ben@contoso.com") });
    expect(map(user("ceo@old.local"))).toMatchObject({ login: member("ada@contoso.com") });
    expect(map(group("hr@old.local"))).toEqual({ login: "hr@contoso.com", isGroup: true });
  });

  it("looks up addresses, unless the map alone counts; the rest has a reason", () => {
    const login = member("ben@contoso.com");
    expect(mapping("")(user("ben@contoso.com"))).toEqual({ login, isGroup: false });
    expect(mapping("", false)(user("ben@contoso.com"))).toEqual({
      why: "no row of the user map names it",
    });
    expect(mapping("")(user("uid:1234"))).toEqual({
      why: "no row of the user map names it, and it is no address",
    });
  });
});
