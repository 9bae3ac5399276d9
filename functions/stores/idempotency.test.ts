import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startStorage, type TestStorage, uniquePrefix } from "../../test/support/storage.ts";
import { idsFrom } from "../domain/ids.ts";
import { IdempotencyStore } from "./idempotency.ts";
import { openTable } from "./storage/documents.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 24 * 3600_000;
let storage: TestStorage;
let store: IdempotencyStore;

beforeAll(async () => {
  storage = await startStorage();
  store = new IdempotencyStore(await openTable(storage.connection, uniquePrefix()));
});
afterAll(() => storage.stop());

async function ours(key: string, request = "r", now = NOW) {
  const claim = await store.claim(key, request, now);
  if (claim.is !== "ours") throw new Error(`it is ${claim.is}`);
  return claim;
}

describe("a request under an idempotency key", () => {
  it("is one caller's to do, however many ask at once", async () => {
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => store.claim("at-once", "r", NOW)),
    );
    expect(claims.filter(({ is }) => is === "ours")).toHaveLength(1);
    expect(claims.filter(({ is }) => is === "under way")).toHaveLength(7);
  });

  it("is answered from what was stored, whatever its size, for a day", async () => {
    const { holder } = await ours("stored");
    const json = JSON.stringify(Array.from({ length: 20_000 }, () => Math.random()));
    const answer = { status: 201, json, etag: '"v1"' };
    await store.finish("stored", holder, answer);
    expect(await store.claim("stored", "r", NOW + DAY - 1)).toEqual({ is: "done", answer });
    expect(await store.claim("stored", "other", NOW)).toEqual({ is: "other" });
    expect((await store.claim("stored", "other", NOW + DAY + 1)).is).toBe("ours");
  });

  it("that was cut off is taken up with the same ids, and the one cut off stores nothing any more", async () => {
    const first = await ours("cut-off");
    expect((await store.claim("cut-off", "r", NOW + 10_000)).is).toBe("under way");
    const second = await ours("cut-off", "r", NOW + 16_000);
    expect(idsFrom(second.seed)()).toBe(idsFrom(first.seed)());
    await store.finish("cut-off", first.holder, { status: 201, json: '"late"' });
    expect((await store.claim("cut-off", "r", NOW + 17_000)).is).toBe("under way");
    await store.finish("cut-off", second.holder, { status: 201, json: '"second"' });
    expect(await store.claim("cut-off", "r", NOW + 18_000)).toMatchObject({
      answer: { json: '"second"' },
    });
  });

  it("that failed half way is taken up at once with the same ids; one that was refused leaves the key free", async () => {
    const failed = await ours("failed");
    await store.release("failed", failed.holder);
    expect((await ours("failed")).seed).toBe(failed.seed);
    const refused = await ours("refused");
    await store.forget("refused", refused.holder);
    expect((await ours("refused", "corrected")).seed).not.toBe(refused.seed);
  });

  it("is forgotten after its time", async () => {
    const { holder } = await ours("old");
    await store.finish("old", holder, { status: 201, json: "1" });
    expect(await store.removeOld(Date.now())).toBe(0);
    expect(await store.removeOld(Date.now() + DAY + 2 * 3600_000)).toBeGreaterThan(1);
    expect((await store.claim("old", "another", NOW)).is).toBe("ours");
  });
});

describe("ids from a seed", () => {
  it("are the same ones in the same order, and none twice", () => {
    const [a, b] = [idsFrom("seed"), idsFrom("seed")];
    const ids = Array.from({ length: 50 }, () => a(8));
    expect(Array.from({ length: 50 }, () => b(8))).toEqual(ids);
    expect(new Set(ids).size).toBe(50);
    expect(ids.every((id) => /^[0-9a-hjkmnp-tv-z]{8}$/.test(id))).toBe(true);
  });
});
