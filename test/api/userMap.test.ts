import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
}, 60_000);
afterAll(() => api?.stop());

const put = (body: string, etag: string | null = "*", type = "text/csv") =>
  api.call("PUT", "v1/user-map", {
    body,
    headers: { "content-type": type, ...(etag !== null && { "if-match": etag }) },
  });

describe("the user map", () => {
  it("is empty at first, is given as a file, and comes back as it was", async () => {
    const before = await api.get("v1/user-map", { as: "reader" });
    expect([before.status, before.text]).toEqual([200, ""]);
    const text =
      "CONTOSO\\ada,ada@contoso.com,FALSE\r\nstaff,hr@contoso.com,TRUE\r\n@a.b,@c.d,FALSE";
    const given = await put(text, before.headers.get("etag"));
    expect([given.status, given.json]).toEqual([200, { rows: 3, groups: 1, domains: 1 }]);
    const after = await api.get("v1/user-map");
    expect(after.text).toBe(text);
    expect(after.headers.get("content-type")).toMatch(/^text\/csv/);
    expect(after.headers.get("etag")).toBe(given.headers.get("etag"));
  });

  it("is not overwritten by who has not seen it", async () => {
    const { headers } = await api.get("v1/user-map");
    expect((await put("a,a@b.c,FALSE", headers.get("etag"))).status).toBe(200);
    expect((await put("b,b@b.c,FALSE", headers.get("etag"))).json.code).toBe("PRECONDITION_FAILED");
    expect((await put("b,b@b.c,FALSE", null)).json.code).toBe("PRECONDITION_REQUIRED");
    expect((await api.get("v1/user-map")).text).toBe("a,a@b.c,FALSE");
  });

  it("is refused whole, with every row that is wrong", async () => {
    const { status, json } = await put("a,a@b.c,FALSE\nlogin,upn,group\nb,b,FALSE\n");
    expect([status, json.code]).toEqual([400, "BAD_REQUEST"]);
    expect(json.errors.map(({ field }: { field: string }) => field)).toEqual(["row 2", "row 3"]);
    expect((await put("{}", "*", "application/json")).status).toBe(415);
    const asOperator = { as: "operator" as const, body: "", headers: { "if-match": "*" } };
    expect((await api.call("PUT", "v1/user-map", asOperator)).status).toBe(403);
  });

  it("can be taken away again", async () => {
    expect((await put("")).json).toEqual({ rows: 0, groups: 0, domains: 0 });
    expect((await api.get("v1/user-map")).text).toBe("");
  });
});
