import { describe, expect, it } from "@jest/globals";
import { parseRouteTemplate } from "./route-template.ts";

const match = (template: string, path: string) => parseRouteTemplate(template).match(path);

describe("route templates", () => {
  it.each([
    ["api/hello", "API/Hello/", {}],
    ["items/{id}", "items/a b", { id: "a b" }],
    ["items/{id?}", "items", {}],
    ["items/{id=7}", "items", { id: "7" }],
    ["items/{id:int}", "items/-12", { id: "-12" }],
    ["items/{id:int?}", "items", {}],
    ["items/{id:range(1,5)}/x", "items/5/x", { id: "5" }],
    ["items/{id:min(1):max(9)}", "items/9", { id: "9" }],
    ["items/{id:length(2)}", "items/ab", { id: "ab" }],
    ["items/{id:guid}", "items/97a096a7-511a-510f-a779-c95127236b69", { id: expect.any(String) }],
    ["items/{id:regex(^[a-c]{{2}}$)}", "items/ab", { id: "ab" }],
    ["{a}-{b}.json", "x-y.json", { a: "x", b: "y" }],
    ["files/{*path}", "files/a/b/c", { path: "a/b/c" }],
    ["files/{*path}", "files", {}],
  ])("%s matches %s", (template, path, params) => {
    expect(match(template, path)).toEqual(params);
  });

  it.each([
    ["api/hello", "api/hello/x"],
    ["api/hello", "api"],
    ["items/{id}", "items"],
    ["items/{id:int}", "items/x"],
    ["items/{id:int}", "items/99999999999"],
    ["items/{id:range(1,5)}", "items/6"],
    ["items/{id:min(1):max(9)}", "items/10"],
    ["items/{id:regex(^[a-c]{{2}}$)}", "items/abc"],
    ["items/{id:alpha}", "items/a1"],
  ])("%s does not match %s", (template, path) => {
    expect(match(template, path)).toBeUndefined();
  });

  it("orders literals before constraints, parameters and catch-alls", () => {
    const templates = ["a/{*r}", "a/{p}", "a/{p:int}", "a/b", "a/b/{p?}", "a/{p}/c"];
    const sorted = templates.toSorted((x, y) =>
      parseRouteTemplate(x).precedence < parseRouteTemplate(y).precedence ? -1 : 1,
    );
    expect(sorted).toEqual(["a/b", "a/b/{p?}", "a/{p:int}", "a/{p}", "a/{p}/c", "a/{*r}"]);
  });

  it("refuses an unknown constraint", () => {
    expect(() => parseRouteTemplate("a/{p:uuid}")).toThrow('unknown route constraint "uuid"');
  });
});
