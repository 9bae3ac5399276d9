import { describe, expect, it } from "@jest/globals";
import { agent as anAgent } from "../../../test/support/records.ts";
import type { AgentRecord } from "../records.ts";
import { agentCondition, groupCondition } from "./agentStates.ts";

const NOW = 1_000_000;
const agent = (change: Partial<AgentRecord> = {}, secondsAgo = 0): AgentRecord =>
  anAgent("agent1", {
    group: "paris",
    lastSeenAt: new Date(NOW - secondsAgo * 1000).toISOString(),
    ...change,
  });
const condition = (change: Partial<AgentRecord> = {}, secondsAgo = 0) =>
  agentCondition(agent(change, secondsAgo), 10, NOW);

describe("an agent", () => {
  it.each([
    [0, 0, "Enabled"],
    [30, 0, "Enabled"],
    [30, 2, "InUse"],
    [30.001, 2, "Disconnected"],
    [31, 0, "Disconnected"],
  ])("seen %d s ago with %i in hand is %s", (secondsAgo, busy, state) => {
    expect(condition({ busy }, secondsAgo).state).toBe(state);
  });

  it("is disabled before it is anything else, and says by whom", () => {
    expect(condition({ enabled: false, protocol: 99, busy: 2 }, 500)).toEqual({
      state: "Disabled",
      reason: expect.stringContaining("administrator"),
    });
  });

  it.each([
    [0, "update the agent"],
    [99, "update the control plane"],
  ])("of protocol %i is incompatible: %s", (protocol, remedy) => {
    expect(condition({ protocol }, 500)).toEqual({
      state: "Incompatible",
      reason: expect.stringContaining(remedy),
    });
  });
});

describe("a group", () => {
  const of = (...agents: AgentRecord[]) => groupCondition("paris", agents, 10, NOW);

  it("is ready when one agent of it can take work", () => {
    expect(of(agent({ enabled: false }), agent({ busy: 4 }))).toEqual({ ready: true });
  });

  it("without agents says so, whatever other groups have", () => {
    expect(of(agent({ group: "london" }))).toMatchObject({
      ready: false,
      reason: "group paris has no agent",
      remedy: expect.stringContaining("--group paris"),
    });
  });

  it("whose agents all stand still says how many stand how", () => {
    expect(of(agent({ enabled: false }), agent({}, 60), agent({}, 90)).reason).toBe(
      "group paris has no connected agent (1 disabled, 2 disconnected)",
    );
  });
});
