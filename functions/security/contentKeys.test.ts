import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Surroundings, startSurroundings } from "../../test/support/services.ts";
import { ContentKeys, KEY_LIFETIME_MS } from "./contentKeys.ts";

let around: Surroundings;
const NOW = Date.UTC(2026, 0, 1);

beforeAll(async () => {
  around = await startSurroundings();
});
afterAll(() => around.stop());

const USE = { taskId: "sess0000-task0000", round: 0, run: "run000", segment: 3 };
const noted: object[] = [];
const newKeys = (more: object = {}) =>
  new ContentKeys({ ...around.config, ...more }, around.credential, async (use) => {
    noted.push(use);
  });

describe("a content key", () => {
  it("comes back from what is stored of it, in another process, too", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    const key = await keys.unwrap(stored, NOW, USE);
    expect(key).toHaveLength(32);
    expect(await newKeys().unwrap(stored, NOW, USE)).toEqual(key);
  });

  it("is stored only as wrapped by the vault's key, whose version it names", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    const key = await keys.unwrap(stored, NOW, USE);
    expect(stored.id).toMatch(/\/keys\/package-keys\/[0-9a-f]{32}$/);
    expect(stored.createdAt).toBe("2026-01-01T00:00:00.000Z");
    expect(Buffer.from(stored.wrapped, "base64")).toHaveLength(256);
    expect(JSON.stringify(stored)).not.toContain(key.toString("base64"));
  });

  it("is noted whenever the vault unwraps it, and not when it is still in hand", async () => {
    const stored = await newKeys().create(NOW);
    noted.length = 0;
    const keys = newKeys();
    await keys.unwrap(stored, NOW, USE);
    await keys.unwrap(stored, NOW, USE);
    expect(noted).toEqual([USE]);
    const mute = new ContentKeys(around.config, around.credential, () =>
      Promise.reject(new Error("the trail cannot be written")),
    );
    await expect(mute.unwrap(stored, NOW, USE)).rejects.toThrow("the trail cannot be written");
  });

  it("may come from elsewhere", async () => {
    const key = Buffer.alloc(32, 9);
    const stored = await newKeys().wrap(key, NOW);
    expect(await newKeys().unwrap(stored, NOW, USE)).toEqual(key);
  });

  it("is another one for every package", async () => {
    const keys = newKeys();
    const [a, b] = [await keys.create(NOW), await keys.create(NOW)];
    expect((await keys.unwrap(a, NOW, USE)).equals(await keys.unwrap(b, NOW, USE))).toBe(false);
  });

  it("is refused once the containers have expired", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    await keys.unwrap(stored, NOW + KEY_LIFETIME_MS, USE);
    await expect(keys.unwrap(stored, NOW + KEY_LIFETIME_MS + 1, USE)).rejects.toMatchObject({
      code: "CONTAINER_EXPIRED",
    });
  });

  it("is still there when many others have been in hand since", async () => {
    const keys = newKeys();
    const first = await keys.create(NOW);
    const key = Buffer.from(await keys.unwrap(first, NOW, USE));
    for (let n = 0; n < 70; n++) await keys.create(NOW);
    expect(await keys.unwrap(first, NOW, USE)).toEqual(key);
  });

  it("that the vault will not unwrap, or cannot make, is a passing failure", async () => {
    const stored = await newKeys().create(NOW);
    const garbled = { ...stored, wrapped: Buffer.alloc(256, 1).toString("base64") };
    await expect(newKeys().unwrap(garbled, NOW, USE)).rejects.toMatchObject({
      code: "KEY_UNAVAILABLE",
    });
    const missing = newKeys({ KEY_VAULT_KEY: "no-such-key" });
    await expect(missing.create(NOW)).rejects.toMatchObject({ code: "KEY_UNAVAILABLE" });
    await expect(missing.create(NOW)).rejects.toThrow(/not found/i);
  });
});
