import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import type { Issue } from "../../../shared/contracts/inventory.ts";
import type { WorkRecord } from "../records.ts";
import {
  claimed,
  completed,
  expired,
  failed,
  isOver,
  leaseExpired,
  MAX_LOST_LEASES,
  released,
  renewed,
} from "./workItems.ts";

const LEASE_SECONDS = 60;
const issue: Issue = { code: "SOURCE_NOT_FOUND", message: "gone" };

const queued = (more: Partial<WorkRecord> = {}): WorkRecord => ({
  id: "s-t.R0.run.scan",
  kind: "scan",
  taskId: "s-t",
  round: 0,
  run: "run",
  group: "default",
  instance: "instance",
  state: "queued",
  epoch: 1,
  lost: 0,
  offeredAt: new Date(0).toISOString(),
  progress: { items: 0, bytes: 0 },
  ...more,
});
const by = (agentId: string, epoch: number, now = 0) => ({
  agentId,
  epoch,
  leaseSeconds: LEASE_SECONDS,
  now,
});
const leased = (agentId = "a") => claimed(queued(), by(agentId, 1)) as WorkRecord;
const codeOf = (action: () => unknown) => {
  try {
    action();
    return "none";
  } catch (error) {
    return error instanceof LongshoreError ? error.code : String(error);
  }
};

describe("claim", () => {
  it("grants a queued item under its epoch, for the time of a lease", () => {
    expect(leased()).toMatchObject({
      state: "leased",
      agentId: "a",
      epoch: 1,
      leaseUntil: new Date(LEASE_SECONDS * 1000).toISOString(),
    });
  });

  it("may be repeated by the same agent, whose answer was lost, and by no other", () => {
    expect(claimed(leased("a"), by("a", 1, 5_000))?.leaseUntil).toBe("1970-01-01T00:01:05.000Z");
    expect(claimed(leased("a"), by("b", 1))).toBeUndefined();
  });

  it.each([0, 2])("is refused under epoch %i of an item of epoch 1", (epoch) => {
    expect(claimed(queued(), by("a", epoch))).toBeUndefined();
  });

  it.each(["done", "failed", "cancelled"] as const)("finds nothing to do when %s", (state) => {
    expect(claimed(queued({ state, agentId: "a" }), by("a", 1))).toBeUndefined();
  });
});

describe("the end of a lease", () => {
  it("comes when its time is over", () => {
    expect(leaseExpired(leased(), { now: LEASE_SECONDS * 1000 - 1 })).toBe(false);
    expect(leaseExpired(leased(), { now: LEASE_SECONDS * 1000 })).toBe(true);
    expect(leaseExpired(queued(), { now: Number.MAX_SAFE_INTEGER })).toBe(false);
  });

  it("sends the item back with a higher epoch and no trace of the agent", () => {
    const back = expired({ ...leased(), progress: { items: 3, bytes: 9 } });
    expect(back).toEqual(queued({ epoch: 2, lost: 1 }));
  });

  it("fails the item after the allowed number of losses", () => {
    let work = queued();
    for (let lost = 1; lost < MAX_LOST_LEASES; lost++) {
      work = expired(claimed(work, by("a", work.epoch)) as WorkRecord);
      expect(work).toMatchObject({ state: "queued", lost, epoch: lost + 1 });
    }
    work = expired(claimed(work, by("a", work.epoch)) as WorkRecord);
    expect(work).toMatchObject({ state: "failed", issue: { code: "AGENT_LOST" } });
  });

  it("by release counts as no loss", () => {
    expect(released(leased(), by("a", 1))).toEqual(queued({ epoch: 2 }));
  });
});

describe("the end of an item", () => {
  it("may be reported twice by who reported it", () => {
    const done = completed(leased(), by("a", 1));
    expect(completed(done, by("a", 1))).toBe(done);
    const gone = failed(leased(), { ...by("a", 1), issue });
    expect(failed(gone, { ...by("a", 1), issue })).toBe(gone);
  });

  it("is the first that was reported", () => {
    const done = completed(leased(), by("a", 1));
    expect(codeOf(() => failed(done, { ...by("a", 1), issue }))).toBe("STALE_LEASE");
    const gone = failed(leased(), { ...by("a", 1), issue });
    expect(codeOf(() => completed(gone, by("a", 1)))).toBe("STALE_LEASE");
    expect(codeOf(() => released(done, by("a", 1)))).toBe("STALE_LEASE");
  });
});

/**
 * The protocol against a model: several agents that remember every epoch they were ever granted, a clock, and the control
 * plane's check for expired leases, in any order.
 */
describe("any sequence of claims, heartbeats, results, releases and expiries", () => {
  const AGENTS = ["a", "b", "c"] as const;
  type Step =
    | { do: "claim" | "heartbeat" | "complete" | "fail" | "release"; agent: string; back: number }
    | { do: "wait"; seconds: number }
    | { do: "check" };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom("claim", "heartbeat", "complete", "fail", "release"),
        agent: fc.constantFrom(...AGENTS),
        // How many epochs behind the item's own the agent is.
        back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait"), seconds: fc.nat(90) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("check") }) },
  );

  it("has one holder at a time, growing epochs, and an end that stays", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let work = queued();
        let now = 0;
        for (const each of steps) {
          const before = structuredClone(work);
          if (each.do === "wait") now += each.seconds * 1000;
          else if (each.do === "check") {
            if (leaseExpired(work, { now })) work = expired(work);
          } else work = take(work, each, now) ?? work;

          expect(work.epoch).toBeGreaterThanOrEqual(before.epoch);
          expect(work.epoch - before.epoch).toBeLessThanOrEqual(1);
          if (isOver(before)) expect(work).toEqual(before);
          // Under one epoch nobody takes the item from its holder.
          if (before.state === "leased" && work.state === "leased")
            expect([work.agentId, work.epoch]).toEqual([before.agentId, before.epoch]);
          // It leaves its holder by an end, or by a new epoch.
          if (before.state === "leased" && work.state === "queued")
            expect(work.epoch).toBe(before.epoch + 1);
          if (work.state === "queued") expect(work).not.toHaveProperty("agentId");
          if (work.state === "leased") expect(AGENTS).toContain(work.agentId);
          expect(work.lost).toBeLessThanOrEqual(MAX_LOST_LEASES);
          if (work.state !== "failed") expect(work.lost).toBeLessThan(MAX_LOST_LEASES);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  /** What the item becomes when an agent asks; undefined when it is refused, which must be just when the model says so. */
  function take(
    work: WorkRecord,
    { do: what, agent, back }: Extract<Step, { agent: string }>,
    now: number,
  ): WorkRecord | undefined {
    const asks = by(agent, work.epoch - back, now);
    const isHolder = work.state === "leased" && work.agentId === agent && back === 0;
    const ended = (state: string) => work.state === state && work.agentId === agent && back === 0;
    if (what === "claim") {
      const next = claimed(work, asks);
      expect(next !== undefined).toBe(back === 0 && (work.state === "queued" || isHolder));
      return next;
    }
    if (what === "heartbeat") {
      const next = renewed(work, { ...asks, progress: { items: 1, bytes: 2 } });
      expect(next !== undefined).toBe(isHolder);
      return next;
    }
    const [allowed, action] = {
      complete: [isHolder || ended("done"), () => completed(work, asks)],
      fail: [isHolder || ended("failed"), () => failed(work, { ...asks, issue })],
      release: [isHolder, () => released(work, asks)],
    }[what] as [boolean, () => WorkRecord];
    if (allowed) return action();
    expect(codeOf(action)).toBe("STALE_LEASE");
    return undefined;
  }
});
