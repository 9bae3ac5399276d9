import { randomUUID } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { pkg, round, target } from "../../test/support/records.ts";
import { controlPlane } from "../../test/support/suite.ts";
import { makeContainers } from "../operations/packages/packageContainers.ts";
import type { Services } from "../services.ts";
import type { PackageRef } from "../stores/rounds/refs.ts";
import { RoundStore } from "../stores/rounds.ts";

const { app } = controlPlane();

// Late: Jest 30 cannot require() CommonJS while it links the modules that import it.
const submit = async (ref: PackageRef, of: Services) =>
  (await import("./submitImport.ts")).submitImport.run(ref, of);

const SITE = target().siteId;

/** A round with a sealed package. */
async function sealed(taskId: string): Promise<PackageRef> {
  const ref = { taskId, round: 0, run: "run000", segment: 0 };
  await app.rounds.insert(round({ taskId, state: "InProgress" }));
  const made = await makeContainers(app, ref, target());
  const value = pkg(0, { state: "sealed", attempt: 1, ...made });
  await app.rounds.mendPackages(ref, [{ segment: 0, value }]);
  await app.rounds.openRound(ref, (row) => ({ ...row, target: target() }));
  return ref;
}

/** Whoever comes waits until so many have come. */
function barrier(many: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  return () => {
    if (--many === 0) resolve();
    return promise;
  };
}

describe("a package that two processes submit at the same moment", () => {
  it("has one job", async () => {
    const ref = await sealed("sess0000-submit01");
    const ready = barrier(2);
    // SharePoint answers when the other process has asked, too, or has given up.
    const decided = barrier(2);
    let jobs = 0;
    const process = (): Services => ({
      ...app,
      rounds: new RoundStore(app.rounds.work.table),
      slots: Object.assign(Object.create(app.slots), {
        take: (...of: Parameters<Services["slots"]["take"]>) =>
          ready().then(() => app.slots.take(...of)),
      }),
      destination: Object.assign(Object.create(app.destination), {
        async submit() {
          jobs++;
          await decided();
          return randomUUID();
        },
      }),
    });
    const ends = await Promise.all(
      [process(), process()].map((each) => submit(ref, each).finally(() => void decided())),
    );
    expect(jobs).toBe(1);
    expect(ends).toContainEqual({});
    expect(ends).toContainEqual({ issue: expect.objectContaining({ code: "SUBMIT_FAILED" }) });
    expect(await app.rounds.package(ref)).toMatchObject({ state: "importing" });
  });
});

describe("a package that waits for a slot while its round is cancelled", () => {
  it("gives up its place", async () => {
    const ref = await sealed("sess0000-submit02");
    const others = Array.from({ length: app.config.IMPORT_JOBS_PER_SITE }, (_, segment) => ({
      ...ref,
      taskId: "sess0000-submit03",
      segment,
    }));
    await app.slots.release(SITE, { ...ref, taskId: "sess0000-submit01" });
    for (const other of others) expect(await app.slots.take(SITE, other, Date.now())).toBe(true);
    expect(await submit(ref, app)).toEqual({ busy: true });
    await app.rounds.change(ref.taskId, 0, (row) => ({ ...row, wish: "cancel" }));
    expect(await submit(ref, app)).toEqual({ interrupted: true });
    await app.slots.release(SITE, others[0] as PackageRef);
    const next = { ...ref, taskId: "sess0000-submit04" };
    expect(await app.slots.take(SITE, next, Date.now())).toBe(true);
  });
});
