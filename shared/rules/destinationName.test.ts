import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { settingsSchema } from "../contracts/settings.ts";
import { mayBeTried, nameMapping } from "./destinationName.ts";
import { checkName } from "./names.ts";

const replace = nameMapping({ invalidCharacters: "replace", replacementCharacter: "_" });
const place = { isFolder: false, atLibraryRoot: false };

describe("replacing invalid characters", () => {
  it.each([
    ["a:b?.txt", "a_b_.txt"],
    [" a ", "_a_"],
    ["\u00a0a\u3000", "_a_"],
    ["a...", "a___"],
    ["a. .", "a___"],
    [".hidden", ".hidden"],
    ["a\u0085b\u0007", "a_b_"],
    ["CON", "CON"],
    ["caf\u00e9 #1 %.txt", "caf\u00e9 #1 %.txt"],
  ])("%j becomes %j", (name, expected) => {
    expect(replace(name)).toBe(expected);
  });

  it("leaves no rule about characters broken, keeps the length, and is done after once", () => {
    const names = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(names, (name) => {
        const renamed = replace(name);
        expect(renamed.length).toBe(name.length);
        expect(replace(renamed)).toBe(renamed);
        const violation = checkName(renamed, place)?.code;
        expect([undefined, "NAME_RESERVED", "NAME_TOO_LONG", "NAME_NOT_UNICODE"]).toContain(
          violation,
        );
        if (checkName(name, place) === undefined) expect(renamed).toBe(name);
      }),
    );
  });

  it("happens only when it is asked for", () => {
    for (const invalidCharacters of ["skip", "try"] as const)
      expect(nameMapping({ invalidCharacters, replacementCharacter: "_" })("a:b")).toBe("a:b");
  });
});

describe("the replacement character", () => {
  const valid = (character: string) =>
    settingsSchema.safeParse({ replacementCharacter: character }).success;

  it("may stand at any place of a name, or is refused", () => {
    for (const good of ["_", "-", "#", "x", "\u00e9"]) expect(valid(good)).toBe(true);
    for (const bad of ["", "__", ":", " ", ".", "\u00a0", "\u0000", "\u0085", "\ud83d", "/"])
      expect(valid(bad)).toBe(false);
    // A tilde at the beginning makes a folder's name a reserved one: the item is refused then.
    expect(valid("~")).toBe(true);
  });
});

it("tries what SharePoint may judge, never what no manifest can carry or a rule of another kind", () => {
  expect(mayBeTried("NAME_INVALID_CHARACTERS", "a:b")).toBe(true);
  expect(mayBeTried("NAME_TRAILING_PERIOD", "a.")).toBe(true);
  expect(mayBeTried("NAME_INVALID_CHARACTERS", "a\u0001b")).toBe(false);
  expect(mayBeTried("NAME_RESERVED", "CON")).toBe(false);
});
