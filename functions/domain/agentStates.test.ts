import { describe, expect, it } from "@jest/globals";
import { agentState } from "./agentStates.ts";

describe("an agent", () => {
  const seen = (secondsAgo: number, busy = 0) =>
    agentState(
      { busy, lastSeenAt: new Date(1_000_000 - secondsAgo * 1000).toISOString() },
      10,
      1_000_000,
    );

  it.each([
    [0, 0, "Enabled"],
    [30, 0, "Enabled"],
    [30, 2, "InUse"],
    [30.001, 2, "Disconnected"],
    [31, 0, "Disconnected"],
  ])("seen %d s ago with %i in hand is %s", (secondsAgo, busy, state) => {
    expect(seen(secondsAgo, busy)).toBe(state);
  });
});
