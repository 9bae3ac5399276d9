import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { SignJWT, UnsecuredJWT } from "jose";
import { signRequest } from "../../agent/identity.ts";
import { agent } from "../../test/support/records.ts";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import type { AgentRecord } from "../domain/records.ts";
import { AgentStore } from "../stores/agents.ts";
import { openTable } from "../stores/storage/documents.ts";
import { type SignedRequest, verifyAgent } from "./agentSignature.ts";

let storage: TestStorage;
let agents: AgentStore;
const keys = new Map<string, KeyObject>();

async function enrol(id: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  keys.set(id, privateKey);
  await agents.insert(
    agent(id, { publicKey: publicKey.export({ format: "jwk" }) as AgentRecord["publicKey"] }),
  );
}

beforeAll(async () => {
  storage = await startStorage();
  agents = new AgentStore(await openTable(storage.connection, uniquePrefix()));
  await enrol("agent00001");
  await enrol("agent00002");
});
afterAll(() => storage.stop());

const PATH = "/api/agent/v1/heartbeat";
const BODY = '{"slots":1,"work":[]}';
const NOW = () => Math.floor(Date.now() / 1000);
const keyOf = (id: string) => keys.get(id) as KeyObject;
const hashOf = (body: string) => createHash("sha256").update(body).digest("base64url");
/** The claims of a good request; a test breaks one of them. */
const claims = (more: object = {}) => ({
  ...{ iss: "agent00001", aud: "longshore", iat: NOW(), exp: NOW() + 60 },
  ...{ htm: "POST", htu: PATH, bh: hashOf(BODY), ...more },
});
const sign = (payload: object, key: KeyObject = keyOf("agent00001"), alg = "EdDSA") =>
  new SignJWT(payload as Record<string, unknown>).setProtectedHeader({ alg }).sign(key);
const request = (token: string, more: Partial<SignedRequest> = {}): SignedRequest => ({
  ...{ authorization: `Longshore ${token}`, method: "POST", path: PATH, body: BODY, ...more },
});
const refused = async (signed: SignedRequest) => {
  const error: unknown = await verifyAgent(agents, signed).then(
    () => "accepted",
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "UNAUTHORIZED" });
  return (error as Error).message;
};

describe("a signed request", () => {
  it("is accepted as the agent signs it", async () => {
    const token = await signRequest(keyOf("agent00001"), "agent00001", {
      ...{ method: "POST", path: PATH, body: BODY, now: NOW() },
    });
    expect(await verifyAgent(agents, request(token))).toMatchObject({ id: "agent00001" });
  });

  it("may come from a clock that is a little off", async () => {
    for (const seconds of [-80, 25]) {
      const token = await sign(claims({ iat: NOW() + seconds }));
      expect((await verifyAgent(agents, request(token))).id).toBe("agent00001");
    }
  });

  it.each([
    ["another body", { body: '{"slots":2,"work":[]}' }],
    ["another path", { path: "/api/agent/v1/hello" }],
    ["another method", { method: "GET" }],
  ])("is good for no %s", async (_what, more) => {
    expect(await refused(request(await sign(claims()), more))).toContain("another request");
  });

  it.each([
    ["too old", { iat: NOW() - 100 }],
    ["from the future", { iat: NOW() + 100 }],
    ["expired by its own word", { exp: NOW() - 100 }],
    ["without a time", { iat: undefined }],
    ["for another audience", { aud: "somebody" }],
    ["without an audience", { aud: undefined }],
  ])("is refused when %s", async (_what, more) => {
    expect(await refused(request(await sign(claims(more))))).toContain("not valid");
  });

  it("is refused when another agent signed it", async () => {
    const token = await sign(claims(), keyOf("agent00002"));
    expect(await refused(request(token))).toContain("signature verification failed");
  });

  it("is refused when nobody signed it", async () => {
    const unsigned = new UnsecuredJWT(claims()).encode();
    await refused(request(unsigned));
    const good = await sign(claims());
    await refused(request(`${good.split(".").slice(0, 2).join(".")}.`));
  });

  it("is refused when signed with a secret, be it the public key itself", async () => {
    const { publicKey } = (await agents.find("agent00001")) as AgentRecord;
    const secret = Buffer.from(publicKey.x, "base64url");
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: "HS256" }).sign(secret);
    await refused(request(token));
  });

  it.each([
    ["an unknown agent", "agent00009"],
    ["nobody", undefined],
    ["what is no id", "agents/x'#?"],
    ["an object", { id: "agent00001" }],
  ])("is refused in the name of %s", async (_what, iss) => {
    expect(await refused(request(await sign(claims({ iss }))))).toContain("not enrolled");
  });

  it.each([
    null,
    "",
    "Longshore",
    "Bearer abc",
    "Longshore abc",
    "Longshore a.b.c",
    "longshore x.y.z",
  ])("is refused with the header %j", async (authorization) => {
    await refused(request("", { authorization }));
  });
});
