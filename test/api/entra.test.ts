import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

const LIMIT = 30;
let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    ...{ API_AUTH: "entra", WEBSITE_AUTH_ENABLED: "True" },
    API_REQUESTS_PER_MINUTE: String(LIMIT),
  });
}, 60_000);
afterAll(() => api?.stop());

/** What App Service authentication puts in front of the app; here nobody takes the callers' own away. */
function signedIn(name: string, ...roles: string[]) {
  const claims = [
    { typ: "http://schemas.microsoft.com/identity/claims/objectidentifier", val: `oid-${name}` },
    { typ: "preferred_username", val: name },
    ...roles.map((role) => ({ typ: "roles", val: role })),
  ];
  const principal = Buffer.from(JSON.stringify({ auth_typ: "aad", claims })).toString("base64");
  return { as: null, headers: { "x-ms-client-principal": principal } };
}

describe("behind Entra ID", () => {
  it("roles come from the claims, and a function key opens nothing", async () => {
    const [ana, bo] = [
      signedIn("ana", "Longshore.Administrator"),
      signedIn("bo", "Longshore.Reader"),
    ];
    expect((await api.get("v1/sessions", bo)).status).toBe(200);
    expect((await api.post("v1/sessions", { name: "x" }, bo)).json.code).toBe("FORBIDDEN");
    expect((await api.post("v1/sessions", { name: "x" }, ana)).status).toBe(201);
    expect((await api.get("v1/audit", ana)).json.entries).toMatchObject([
      { actor: "ana", actorId: "oid-ana", role: "administrator", action: "createSession" },
    ]);
    expect((await api.get("v1/sessions", signedIn("cy"))).json.detail).toContain("no role");
    expect((await api.get("v1/sessions")).json).toMatchObject({
      status: 401,
      code: "UNAUTHORIZED",
    });
  });
});

describe("a caller that asks too often", () => {
  it("is told when to come back; others are not held up", async () => {
    const wild = signedIn("wild", "Longshore.Reader");
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 20 }, () => api.get("v1/settings", wild)),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]?.json).toMatchObject({ code: "RATE_LIMITED" });
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await api.get("v1/settings", signedIn("calm", "Longshore.Reader"))).status).toBe(200);
  });
});
