import { describe, expect, it } from "@jest/globals";
import { pkg, round, target } from "../../test/support/records.ts";
import {
  at,
  conflict,
  packages,
  ref,
  row,
  store,
  useRounds,
  withPackages,
} from "../../test/support/roundStore.ts";

useRounds();

const other = () => ({ ...ref, run: "run999" });

describe("a round's row", () => {
  it("is made once", async () => {
    expect(await store.insert(round({ taskId: ref.taskId, run: "other0" }))).toBe(false);
    expect((await row()).run).toBe("run000");
  });

  it("is there for its run only", async () => {
    expect((await store.current(ref)).run).toBe("run000");
    await expect(store.current(other())).rejects.toMatchObject(conflict);
    await expect(store.updateRound(other(), (value) => value)).rejects.toMatchObject(conflict);
    await expect(store.current({ ...ref, round: 9 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is there for nobody when the round is over", async () => {
    await store.updateRound(ref, (value) => ({ ...value, state: "Completed" }));
    await expect(store.current(ref)).rejects.toThrow("is Completed under run run000");
  });
});

describe("mending", () => {
  it("replaces and removes packages, many at a time", async () => {
    await store.mendPackages(
      ref,
      Array.from({ length: 150 }, (_, segment) => ({ segment, value: pkg(segment) })),
    );
    await store.mendPackages(ref, [
      { segment: 0, value: pkg(0, { attempt: 3 }) },
      ...Array.from({ length: 148 }, (_, n) => ({ segment: n + 2 })),
    ]);
    expect(await packages()).toEqual([0, 1]);
    expect((await store.package(at(0))).attempt).toBe(3);
  });

  it("is refused to another run, and once the round is open", async () => {
    const change = [{ segment: 0, value: pkg(0) }];
    await expect(store.mendPackages(other(), change)).rejects.toMatchObject(conflict);
    await store.openRound(ref, (value) => ({ ...value, target: target() }));
    await expect(store.mendPackages(ref, change)).rejects.toThrow("is open already");
    await expect(store.openRound(ref, (value) => value)).rejects.toThrow("is open already");
    expect(await packages()).toEqual([]);
  });
});

describe("a round that is erased", () => {
  it("leaves nothing, and no other round is touched", async () => {
    await withPackages(...Array.from({ length: 250 }, () => ({})));
    await store.insert(round({ taskId: ref.taskId, number: 1 }));
    await store.erase(ref.taskId, 0);
    expect(await store.find(ref.taskId, 0)).toBeUndefined();
    expect(await packages()).toEqual([]);
    expect(await store.find(ref.taskId, 1)).toBeDefined();
    await store.erase(ref.taskId, 0);
  });
});
