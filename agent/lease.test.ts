import { expect, it } from "@jest/globals";
import { Lease } from "./lease.ts";

const open = (leaseSeconds = 60) =>
  new Lease({ workItem: "w", epoch: 1, leaseSeconds, asked: performance.now() }, () => undefined);

const summary = (segment: number) => ({
  ...{ segment, blob: `a-${segment}.jsonl.gz`, items: 1, files: 1, folders: 0, bytes: 0 },
  ...{ issues: 0, first: "a", last: "a" },
});

it("keeps segments until the heartbeat that carried them was answered", () => {
  const lease = open();
  lease.segmentWritten(summary(0));
  const { segments = [] } = lease.report();
  lease.segmentWritten(summary(1));
  expect(lease.report().segments).toHaveLength(2); // the first heartbeat was not answered
  lease.registered(segments);
  expect(lease.report().segments).toEqual([summary(1)]);
  expect(lease.close()).toEqual([summary(1)]);
  expect(lease.report().segments).toBeUndefined();
  lease.dispose();
});

it("stops the work on the control plane's word, but not a report that may have overtaken a heartbeat", () => {
  const [working, reporting] = [open(), open()];
  reporting.close();
  for (const lease of [working, reporting]) lease.refuse();
  expect([working.held.aborted, working.signal.aborted]).toEqual([true, true]);
  expect(reporting.held.aborted).toBe(false);
  for (const lease of [working, reporting]) lease.dispose();
});

it("ends by itself when it is not renewed, and can be given back after a stop", async () => {
  const [brief, renewed, stopped] = [open(0.05), open(0.05), open()];
  renewed.renew(performance.now() + 60_000);
  stopped.stop();
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect([brief.held.aborted, renewed.held.aborted]).toEqual([true, false]);
  expect([stopped.signal.aborted, stopped.held.aborted]).toEqual([true, false]);
  for (const lease of [brief, renewed, stopped]) lease.dispose();
});
