import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MAX_NAME_LENGTH } from "./limits.ts";
import { checkName, isThicketFolder, type NamePlace } from "./names.ts";

const file: NamePlace = { isFolder: false, atLibraryRoot: false };
const folder: NamePlace = { isFolder: true, atLibraryRoot: false };
const rootFile: NamePlace = { isFolder: false, atLibraryRoot: true };
const rootFolder: NamePlace = { isFolder: true, atLibraryRoot: true };
const everywhere = [file, folder, rootFile, rootFolder];

const code = (name: string, place: NamePlace) => checkName(name, place)?.code;

describe("names SharePoint refuses for files and folders, anywhere", () => {
  it.each([
    ...[...'"*:<>?/\\|'].map((character) => [`a${character}b`, "NAME_INVALID_CHARACTERS"]),
    ["a\u0000b", "NAME_INVALID_CHARACTERS"],
    ["a\tb", "NAME_INVALID_CHARACTERS"],
    ["a\nb", "NAME_INVALID_CHARACTERS"],
    ["a\u001f", "NAME_INVALID_CHARACTERS"],
    ["a\u007fb", "NAME_INVALID_CHARACTERS"],
    ["a\u0085b", "NAME_INVALID_CHARACTERS"],
    ["a\u009f", "NAME_INVALID_CHARACTERS"],
    ["a\ufffeb", "NAME_INVALID_CHARACTERS"],
    ["a\uffffb", "NAME_INVALID_CHARACTERS"],
    ["a\ud800b", "NAME_NOT_UNICODE"],
    ["a\udc00b", "NAME_NOT_UNICODE"],
    ["\ude00\ud83d", "NAME_NOT_UNICODE"],
    [" a", "NAME_LEADING_OR_TRAILING_SPACE"],
    ["a ", "NAME_LEADING_OR_TRAILING_SPACE"],
    [" ", "NAME_LEADING_OR_TRAILING_SPACE"],
    ["\u00a0a", "NAME_LEADING_OR_TRAILING_SPACE"],
    ["a\u3000", "NAME_LEADING_OR_TRAILING_SPACE"],
    ["a.", "NAME_TRAILING_PERIOD"],
    ["...", "NAME_TRAILING_PERIOD"],
    ["", "NAME_RESERVED"],
    [".", "NAME_RESERVED"],
    ["..", "NAME_RESERVED"],
    [".lock", "NAME_RESERVED"],
    [".LOCK", "NAME_RESERVED"],
    ["desktop.ini", "NAME_RESERVED"],
    ["Desktop.INI", "NAME_RESERVED"],
    ...["CON", "con", "PRN", "AUX", "nul"].map((name) => [name, "NAME_RESERVED"]),
    ...[..."0123456789"].flatMap((digit) => [
      [`COM${digit}`, "NAME_RESERVED"],
      [`lpt${digit}`, "NAME_RESERVED"],
    ]),
    ["~$report.docx", "NAME_RESERVED"],
    ["_vti_", "NAME_RESERVED"],
    ["a_VTI_b.txt", "NAME_RESERVED"],
    ["a".repeat(256), "NAME_TOO_LONG"],
    ["\u{1f600}".repeat(128), "NAME_TOO_LONG"],
  ])("%j: %s", (name, expected) => {
    for (const place of everywhere) expect(code(name, place)).toBe(expected);
  });
});

describe("names SharePoint refuses in some places", () => {
  it.each([
    ["Forms", [rootFile, rootFolder]],
    ["forms", [rootFile, rootFolder]],
    ["~archive", [folder, rootFolder]],
    ["~", [folder, rootFolder]],
  ])("%j", (name, refusedIn) => {
    for (const place of everywhere) {
      expect(code(name, place)).toBe(refusedIn.includes(place) ? "NAME_RESERVED" : undefined);
    }
  });
});

describe("names SharePoint takes", () => {
  it.each([
    "a",
    "Budget 2025 & outlook.xlsx",
    "100% #1 {final} [v2] (ok) 'x' `y` ~z+=,;!@$^",
    ".gitignore",
    "..a",
    "a..b",
    "a. b",
    "CON.txt",
    "console",
    "COM10",
    "COM",
    "xdesktop.ini",
    "$~a",
    "a~$b",
    "vti_",
    "formsx",
    "caf\u00e9",
    "cafe\u0301",
    "\u05e9\u05dc\u05d5\u05dd \u202eabc",
    "\u4f60\u597d\u4e16\u754c",
    "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
    "a\u00a0b",
    "a\u3000b",
    "]]&amp;",
    "report_files",
    "a".repeat(MAX_NAME_LENGTH),
  ])("%j", (name) => {
    for (const place of everywhere) expect(checkName(name, place)).toBeUndefined();
  });
});

describe("checkName", () => {
  it("says which character it is, also when it cannot be shown", () => {
    expect(checkName("a|b", file)?.message).toContain("the character |");
    expect(checkName("a\u0007b", file)?.message).toContain("U+0007");
  });

  it("never throws, whatever the string", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), fc.constantFrom(...everywhere), (units, place) => {
        const violation = checkName(String.fromCharCode(...units), place);
        expect(violation === undefined || violation.message.length > 0).toBe(true);
      }),
    );
  });
});

describe("isThicketFolder", () => {
  it.each([
    ["report_files", true],
    ["Report_FILES", true],
    ["report.files", true],
    ["report_file", true],
    ["Bericht-Dateien", true],
    ["Bericht_Dateien", true],
    ["rapport_fichiers", true],
    ["rapport-filer", true],
    ["files", false],
    ["my files", false],
    ["report_files_old", false],
  ])("%s: %p", (name, expected) => {
    expect(isThicketFolder(name)).toBe(expected);
  });
});
