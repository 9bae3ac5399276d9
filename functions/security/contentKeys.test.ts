import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Surroundings, startSurroundings } from "../../test/support/services.ts";
import { ContentKeys, KEY_LIFETIME_MS } from "./contentKeys.ts";

let around: Surroundings;
const NOW = Date.UTC(2026, 0, 1);

beforeAll(async () => {
  around = await startSurroundings();
});
afterAll(() => around.stop());

const newKeys = (more: object = {}) =>
  new ContentKeys({ ...around.config, ...more }, around.credential);

describe("a content key", () => {
  it("comes back from what is stored of it, in another process, too", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    const key = await keys.unwrap(stored, NOW);
    expect(key).toHaveLength(32);
    expect(await newKeys().unwrap(stored, NOW)).toEqual(key);
  });

  it("is stored only as wrapped by the vault's key, whose version it names", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    const key = await keys.unwrap(stored, NOW);
    expect(stored.id).toMatch(/\/keys\/package-keys\/[0-9a-f]{32}$/);
    expect(stored.createdAt).toBe("2026-01-01T00:00:00.000Z");
    expect(Buffer.from(stored.wrapped, "base64")).toHaveLength(256);
    expect(JSON.stringify(stored)).not.toContain(key.toString("base64"));
  });

  it("is another one for every package", async () => {
    const keys = newKeys();
    const [a, b] = [await keys.create(NOW), await keys.create(NOW)];
    expect((await keys.unwrap(a, NOW)).equals(await keys.unwrap(b, NOW))).toBe(false);
  });

  it("is refused once the containers have expired", async () => {
    const keys = newKeys();
    const stored = await keys.create(NOW);
    await keys.unwrap(stored, NOW + KEY_LIFETIME_MS);
    await expect(keys.unwrap(stored, NOW + KEY_LIFETIME_MS + 1)).rejects.toMatchObject({
      code: "CONTAINER_EXPIRED",
    });
  });

  it("is still there when many others have been in hand since", async () => {
    const keys = newKeys();
    const first = await keys.create(NOW);
    const key = Buffer.from(await keys.unwrap(first, NOW));
    for (let n = 0; n < 70; n++) await keys.create(NOW);
    expect(await keys.unwrap(first, NOW)).toEqual(key);
  });

  it("that the vault will not unwrap, or cannot make, is a passing failure", async () => {
    const stored = await newKeys().create(NOW);
    const garbled = { ...stored, wrapped: Buffer.alloc(256, 1).toString("base64") };
    await expect(newKeys().unwrap(garbled, NOW)).rejects.toMatchObject({ code: "KEY_UNAVAILABLE" });
    const missing = newKeys({ KEY_VAULT_KEY: "no-such-key" });
    await expect(missing.create(NOW)).rejects.toMatchObject({ code: "KEY_UNAVAILABLE" });
    await expect(missing.create(NOW)).rejects.toThrow(/not found/i);
  });
});
