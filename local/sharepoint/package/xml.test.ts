import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { fixtures } from "../testing/example.ts";
import { validateDocument } from "./package-schema.ts";
import { parseXml } from "./xml.ts";

const parse = (text: string) => parseXml(Buffer.from(text));

describe("reading XML", () => {
  it("keeps attribute values as they are", () => {
    const root = parse(
      '\ufeff<?xml version="1.0"?><a n="  two  spaces  " e="&amp;&lt;&gt;&quot;&apos;&#x20AC;&#128512;&#9;" l=\'x\n\ty\' z="007" t="true"/>',
    );
    expect(root.attributes).toEqual({
      n: "  two  spaces  ",
      e: "&<>\"'€😀\t",
      l: "x  y",
      z: "007",
      t: "true",
    });
  });

  it("keeps children in document order, without comments and text", () => {
    const root = parse("<r><!-- c --><b/>text<a/><b><c/></b></r>");
    expect(root.children.map(({ name }) => name)).toEqual(["b", "a", "b"]);
    expect(root.children[2]?.children[0]?.name).toBe("c");
  });

  it.each([
    ["an open element", "<a><b></a>"],
    ["two roots", "<a/><b/>"],
    ["no root", "  "],
    ["a repeated attribute", '<a x="1" x="2"/>'],
    ["a bare ampersand", '<a x="a & b"/>'],
    ["an unknown entity", '<a x="&nbsp;"/>'],
    ["a < in an attribute", '<a x="1<2"/>'],
    ["a control character", '<a x="\u0001"/>'],
    ["a reference to a control character", '<a x="&#1;"/>'],
    ["a reference to half a surrogate pair", '<a x="&#xD83D;"/>'],
    ["a DTD", '<!DOCTYPE a [<!ENTITY x "y">]><a/>'],
  ])("refuses %s", (_what, text) => {
    expect(() => parse(text)).toThrow(/error in XML document|root elements|invalid|illegal/);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseXml(Buffer.from([0x3c, 0x61, 0xff, 0x2f, 0x3e]))).toThrow(/not valid UTF-8/);
  });
});

describe("the schemas", () => {
  const roots = {
    "Manifest.xml": "SPObjects",
    "Manifest1.xml": "SPObjects",
    "SystemData.xml": "SystemData",
    "ExportSettings.xml": "ExportSettings",
    "UserGroup.xml": "UserGroupMap",
  } as const;

  it.each(["single", "split"])("accept the example package (%s)", (variant) => {
    const folder = new URL(`example/${variant}/metadata/`, fixtures);
    for (const name of readdirSync(folder)) {
      const root = parseXml(readFileSync(new URL(name, folder)));
      const expected = roots[name as keyof typeof roots];
      if (expected) expect(() => validateDocument(root, expected)).not.toThrow();
    }
  });
});
