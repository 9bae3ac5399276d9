import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { AgentStore } from "../stores/agents.ts";
import { openTable } from "../stores/storage/documents.ts";
import { newEnrolmentToken, parseEnrolmentToken } from "./enrolmentTokens.ts";

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3600_000;
let storage: TestStorage;
let agents: AgentStore;

beforeAll(async () => {
  storage = await startStorage();
  agents = new AgentStore(await openTable(storage.connection, uniquePrefix()));
});
afterAll(() => storage.stop());

async function issue(uses = 1, validHours = 1, group?: string): Promise<string> {
  const { token, record } = newEnrolmentToken({ uses, validHours, group }, NOW);
  await agents.insertToken(record);
  return token;
}
const use = async (token: string, now = NOW, group?: string) => {
  const { id, matches } = parseEnrolmentToken(token);
  return (await agents.useToken(id, { matches, group }, now)) !== undefined;
};

describe("an enrolment token", () => {
  it("is stored without its secret", () => {
    const { token, record } = newEnrolmentToken({ uses: 3, validHours: 24 }, NOW);
    const [id, secret] = token.split(".");
    expect(record).toMatchObject({ id, uses: 3, expires: "2026-01-02T00:00:00.000Z" });
    expect(JSON.stringify(record)).not.toContain(secret);
    expect(secret?.length).toBeGreaterThanOrEqual(32);
  });

  it("enrols as many agents as it has uses", async () => {
    const token = await issue(2);
    expect([await use(token), await use(token), await use(token)]).toEqual([true, true, false]);
  });

  it("enrols no more when they all come at once", async () => {
    const token = await issue(3);
    const answers = await Promise.all(Array.from({ length: 8 }, () => use(token)));
    expect(answers.filter(Boolean)).toHaveLength(3);
  });

  it("ends with its time", async () => {
    const token = await issue(5, 1);
    expect(await use(token, NOW + HOUR - 1)).toBe(true);
    expect(await use(token, NOW + HOUR)).toBe(false);
  });

  it("is refused with another secret, which costs it no use", async () => {
    const token = await issue(1);
    const [id, secret] = token.split(".");
    for (const wrong of [`${id}.x${secret}`, `${id}.`, `${id}`, `${id}.${secret?.slice(0, -1)}`])
      expect(await use(wrong)).toBe(false);
    expect(await use(token)).toBe(true);
  });

  it.each(["", ".", "unknown0.secret", "a.b.c"])("%j is none", async (token) => {
    expect(await use(token)).toBe(false);
  });

  it("that names a group lets nobody join another one, which costs it no use", async () => {
    const token = await issue(1, 1, "paris");
    expect(await use(token, NOW, "london")).toBe(false);
    expect(await use(token, NOW, "paris")).toBe(true);
  });

  it("can be revoked", async () => {
    const token = await issue(5);
    const { id } = parseEnrolmentToken(token);
    expect([await agents.removeToken(id), await agents.removeToken(id)]).toEqual([true, false]);
    expect(await use(token)).toBe(false);
  });
});
