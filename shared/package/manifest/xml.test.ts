import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import { checkName } from "../../rules/names.ts";
import { element, xmlDocument } from "./xml.ts";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  trimValues: false,
  parseAttributeValue: false,
  htmlEntities: true,
});
const readBack = (value: string) => parser.parse(element("A", { Name: value })).A.Name;

describe("element", () => {
  it("writes attributes in order, without those that are undefined", () => {
    expect(element("A", { b: 1, a: true, c: undefined, d: "" })).toBe('<A b="1" a="true" d="" />');
  });

  it("nests", () => {
    expect(element("A", {}, [element("B", {}), element("C", { d: 1 })])).toBe(
      '<A>\n<B />\n<C d="1" />\n</A>',
    );
  });

  it.each([
    ["&<>\"'", "&amp;&lt;&gt;&quot;&apos;"],
    ["]]>", "]]&gt;"],
    ["a\tb\nc\rd", "a&#9;b&#10;c&#13;d"],
    ["&amp;", "&amp;amp;"],
    ["  two  blanks  ", "  two  blanks  "],
    ["\u{1f600} \u05e9\u202e \u4f60 e\u0301", "\u{1f600} \u05e9\u202e \u4f60 e\u0301"],
  ])("escapes %j", (value, expected) => {
    expect(element("A", { Name: value })).toBe(`<A Name="${expected}" />`);
    expect(readBack(value)).toBe(value);
  });

  it.each([
    ["\u0000", "U+0000"],
    ["a\u0008", "U+0008"],
    ["\u000b", "U+000b"],
    ["\u001f", "U+001f"],
    ["\ufffe", "U+fffe"],
    ["\uffff", "U+ffff"],
    ["a\ud83d", "a lone surrogate"],
    ["\ude00a", "a lone surrogate"],
  ])("refuses %j", (value, what) => {
    expect(() => element("File", { Url: value })).toThrow(`Url of File holds ${what}`);
  });

  it("gives every name SharePoint takes back as it was", () => {
    const place = { isFolder: false, atLibraryRoot: false };
    const name = fc
      .string({ unit: "binary", maxLength: 30 })
      .filter((text) => checkName(text, place) === undefined);
    fc.assert(
      fc.property(name, (text) => expect(readBack(text)).toBe(text)),
      { numRuns: 1000 },
    );
  });
});

describe("xmlDocument", () => {
  it("is UTF-8 without byte order mark", () => {
    expect(xmlDocument('<A b="\u00e9" />').toString("latin1")).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<A b="\u00c3\u00a9" />\n',
    );
  });
});
