import { expect, it } from "@jest/globals";
import { controlPlane } from "../../../test/support/suite.ts";
import { trimAudit } from "./auditRetention.ts";

const { app } = controlPlane();

const inDays = (days: number) => ({ now: Date.now() + days * 24 * 3_600_000 });
const actions = async (task?: string) =>
  (await app.audit.page({ limit: 1_000, task })).entries.map(({ action }) => action);

it("removes entries when they have had their time, counts them in a dry run, and says so", async () => {
  const who = { actor: "Ana", actorId: "ana", role: "operator" as const };
  for (let n = 0; n < 3; n++)
    await app.audit.add({ ...who, action: "runTask", ids: { task: "s-t" }, status: 202 });
  await app.audit.intend({ ...who, action: "createTask", ids: { session: "s" } });

  expect(await trimAudit(app, { dryRun: false, ...inDays(399) })).toBe(0);
  expect(await trimAudit(app, { dryRun: true, ...inDays(401) })).toBe(4);
  expect(await actions()).toHaveLength(4);
  expect(await trimAudit(app, { dryRun: false, ...inDays(401) })).toBe(4);
  expect(await actions()).toEqual(["removeAuditEntries"]);
  expect(await actions("s-t")).toEqual([]);
});
