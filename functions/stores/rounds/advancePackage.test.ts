import { describe, expect, it } from "@jest/globals";
import {
  at,
  conflict,
  row,
  store,
  useRounds,
  withPackages,
} from "../../../test/support/roundStore.ts";
import { PACKAGE_STATES } from "../../domain/records.ts";

useRounds();

describe("moving a package on", () => {
  const STEPS = PACKAGE_STATES.slice(1);
  const walk = async (segment: number) => {
    for (const state of STEPS) await store.advance(at(segment), state);
  };

  it("counts every stage once", async () => {
    await withPackages({}, {});
    await walk(0);
    const amount = { items: 1, bytes: 10 };
    expect(await row()).toMatchObject({
      ...{ packaged: amount, uploaded: amount, imported: amount, recorded: 1 },
    });
    expect((await store.package(at(0))).counted).toBe(4);
  });

  it("counts once when many try at once, and when it is tried again", async () => {
    await withPackages(...Array.from({ length: 6 }, () => ({})));
    for (const state of STEPS)
      await Promise.all(
        [0, 1, 2, 3, 4, 5].flatMap((segment) => [
          store.advance(at(segment), state, (_pkg, value) => {
            value.migrated.items++;
          }),
          store.advance(at(segment), state, (_pkg, value) => {
            value.migrated.items++;
          }),
        ]),
      );
    const amount = { items: 6, bytes: 60 };
    expect(await row()).toMatchObject({
      ...{ packaged: amount, uploaded: amount, imported: amount, recorded: 6 },
      // One per package and step, although each step was asked for twice.
      migrated: { items: 6 * STEPS.length },
    });
  });

  it("does not count the stages of a first attempt again in the second", async () => {
    await withPackages({});
    for (const state of STEPS.slice(0, 3)) await store.advance(at(0), state);
    await store.advance(at(0), "scanned");
    await walk(0);
    expect(await row()).toMatchObject({
      packaged: { items: 1 },
      uploaded: { items: 1 },
      recorded: 1,
    });
  });

  it("refuses what is not next, and says so", async () => {
    await withPackages({});
    await expect(store.advance(at(0), "importing")).rejects.toThrow(
      "package 0 is scanned and cannot become importing",
    );
    await expect(store.advance(at(7), "planned")).rejects.toThrow("package 7 has no row");
  });

  it("is for the round's run only", async () => {
    await withPackages({});
    await expect(store.advance({ ...at(0), run: "run999" }, "planned")).rejects.toMatchObject(
      conflict,
    );
    expect((await store.package(at(0))).state).toBe("scanned");
  });
});
