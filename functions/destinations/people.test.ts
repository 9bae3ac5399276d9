import { expect, it } from "@jest/globals";
import { fakedSharePoint } from "../../test/support/sharePointClient.ts";

const answering = fakedSharePoint();
const LOGIN = "i:0#.f|membership|ada@contoso.com";

/** Asks for Ada where SharePoint answers like this. */
async function ask(status: number, body: unknown, isGroup = false) {
  const asked: unknown[] = [];
  const { client, at } = await answering((request, sent) => {
    asked.push([request.method, request.url, sent]);
    return { status, body };
  });
  const answer = await client.ensureUser(at, { login: LOGIN, isGroup }).catch((error) => error);
  expect(asked).toEqual([["POST", "/sites/finance/_api/web/ensureuser", { logonName: LOGIN }]]);
  return answer;
}

const ada = { LoginName: LOGIN, Title: "Ada\u0001 Nowak", Email: "ada@c.com", PrincipalType: 1 };
const found = { login: LOGIN, name: "Ada Nowak", email: "ada@c.com", isGroup: false };
const problem = (code: string) => ({ "odata.error": { code, message: { value: "no such user" } } });

it.each([
  ["nometadata", ada, found],
  ["verbose", { d: { __metadata: { type: "SP.User" }, ...ada } }, found],
  [
    "somebody without a name",
    { LoginName: LOGIN, Title: null },
    { ...found, name: LOGIN, email: "" },
  ],
  ["a group of the directory", { ...ada, PrincipalType: 4 }, { ...found, isGroup: true }],
])("a user is understood: %s", async (_form, body, person) => {
  expect(await ask(200, body)).toEqual(person);
});

it.each([
  [500, problem("-2146232832, Microsoft.SharePoint.SPException"), /nobody at the destination/],
  [404, problem("x"), /nobody at the destination/],
  [400, problem("x"), /nobody at the destination/],
  [403, problem("-2147024891"), /refused to look it up: no such user \(HTTP 403\)/],
])("nobody is a reason, not an error, and is asked for once: %d", async (status, body, why) => {
  expect(await ask(status, body)).toEqual({ why: expect.stringMatching(why) });
});

it("what may pass is an error, so that nobody is taken for nobody", async () => {
  expect(await ask(500, problem("-1, Other"))).toMatchObject({ code: "DESTINATION_UNREACHABLE" });
});
