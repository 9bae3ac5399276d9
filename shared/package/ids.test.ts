import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { itemIds, uuid5, versionId } from "./ids.ts";

const library = {
  siteId: "97a096a7-511a-510f-a779-c95127236b69",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
};
const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

describe("uuid5", () => {
  it.each([
    // RFC 9562, appendix A.4
    [dns, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"],
    // Python documentation, uuid module
    [dns, "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"],
  ])("%s + %s", (namespace, name, expected) => {
    expect(uuid5(namespace, name)).toBe(expected);
  });

  it("refuses a namespace that is no GUID", () => {
    expect(() => uuid5("{6ba7b810}", "x")).toThrow(/is not a GUID/);
  });
});

describe("itemIds", () => {
  it("is stable for ever: these values may never change", () => {
    expect(itemIds(library, "Reports/Budget 2025.xlsx")).toEqual({
      id: "1454644a-0123-5934-a4a9-5a3ed59c6013",
      listItemId: "23f7848f-50ac-5797-83b1-fe1c6f7b00ca",
    });
  });

  it("gives canonical text whatever the case of the library's ids", () => {
    const upper = {
      siteId: library.siteId.toUpperCase(),
      listId: library.listId.toUpperCase(),
    };
    expect(itemIds(upper, "a")).toEqual(itemIds(library, "a"));
  });

  it("tells apart what SharePoint tells apart", () => {
    const paths = ["a", "A", "a/b", "b", "caf\u00e9", "cafe\u0301", "\u{1f600}", ""];
    const other = { ...library, listId: library.siteId };
    const all = [library, other].flatMap((l) => paths.map((path) => itemIds(l, path)));
    expect(new Set(all.flatMap((ids) => [ids.id, ids.listItemId])).size).toBe(all.length * 2);
  });

  it("is always two distinct version 5 GUIDs", () => {
    const v5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (path) => {
        const ids = itemIds(library, path);
        expect(ids.id).toMatch(v5);
        expect(ids.listItemId).toMatch(v5);
        expect(ids.id).not.toBe(ids.listItemId);
      }),
    );
  });

  it("refuses a path that has no UTF-8 form", () => {
    expect(() => itemIds(library, "a\ud800")).toThrow(/lone surrogate/);
  });
});

describe("versionId", () => {
  const { id } = itemIds(library, "a");

  it("is the same for the same content of a file, and no other's", () => {
    const content = { modified: 1, size: 2 };
    const all = [
      ...[id, itemIds(library, "b").id].map((file) => versionId(file, content)),
      ...[
        { modified: 2, size: 2 },
        { modified: 1, size: 3 },
        { modified: 12, size: 2 },
      ].map((each) => versionId(id, each)),
      ...Object.values(itemIds(library, "a")),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(versionId(id.toUpperCase(), { ...content })).toBe(versionId(id, content));
  });
});
