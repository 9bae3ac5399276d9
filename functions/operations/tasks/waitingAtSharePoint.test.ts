import { expect, it } from "@jest/globals";
import { answering } from "../../../test/support/answering.ts";
import { round, target } from "../../../test/support/records.ts";
import { controlPlane } from "../../../test/support/suite.ts";
import { throttledUntil, waitingAtSharePoint } from "./waitingAtSharePoint.ts";

const { app } = controlPlane({ settings: { IMPORT_JOBS_PER_SITE: "2" } });

it("is nothing as long as SharePoint takes requests and jobs", async () => {
  const open = round({ target: target({ siteId: "idle" }) });
  expect(await waitingAtSharePoint(app, open, { sealed: true })).toBeUndefined();
  expect(await waitingAtSharePoint(app, round(), { sealed: true })).toBeUndefined();
});

it("is the time until which SharePoint throttles the app", async () => {
  const server = await answering(() => ({
    status: 429,
    body: {},
    headers: { "retry-after": "90" },
  }));
  const at = target({ origin: `${server.origin}/sites/finance` });
  await expect(app.destination.findFolder(at, "a")).rejects.toMatchObject({ code: "THROTTLED" });
  await server.close();
  const until = await throttledUntil(app, at.origin);
  expect(Date.parse(until ?? "") - Date.now()).toBeGreaterThan(60_000);
  expect(await waitingAtSharePoint(app, round({ target: at }), { sealed: false })).toBe(
    `SharePoint throttles the app until ${until}`,
  );
});

it("is the limit of jobs, for who has something to submit", async () => {
  const full = round({ target: target({ siteId: "full" }) });
  for (const segment of [1, 2]) {
    const ref = { taskId: "sess0000-task0000", round: 0, run: "run000", segment };
    expect(await app.slots.take("full", ref, Date.now())).toBe(true);
  }
  expect(await waitingAtSharePoint(app, full, { sealed: false })).toBeUndefined();
  expect(await waitingAtSharePoint(app, full, { sealed: true })).toBe(
    "the site has 2 import jobs, as many as it may have",
  );
});
