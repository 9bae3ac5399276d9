import { describe, expect, it } from "@jest/globals";
import { RateLimits } from "./rateLimits.ts";

describe("a caller", () => {
  it("may spend a minute's requests at once, then as many as come back", () => {
    const limits = new RateLimits();
    for (let n = 0; n < 60; n++) limits.take("a", 60, 0);
    expect(() => limits.take("a", 60, 0)).toThrow(
      expect.objectContaining({ code: "RATE_LIMITED", retryAfter: 1 }),
    );
    expect(() => limits.take("a", 60, 999)).toThrow("60 requests a minute");
    limits.take("a", 60, 1000);
    expect(() => limits.take("a", 60, 1001)).toThrow();
    for (let n = 0; n < 60; n++) limits.take("a", 60, 3_600_000);
    expect(() => limits.take("a", 60, 3_600_000)).toThrow();
  });

  it("is told how long to wait when requests are scarce", () => {
    const limits = new RateLimits();
    limits.take("a", 1, 0);
    expect(() => limits.take("a", 1, 15_000)).toThrow(expect.objectContaining({ retryAfter: 45 }));
  });

  it("does not spend what others have, nor gain by a clock that goes back", () => {
    const limits = new RateLimits();
    limits.take("a", 1, 1_000);
    limits.take("b", 1, 1_000);
    expect(() => limits.take("a", 1, 0)).toThrow();
  });

  it("is forgotten when ten thousand others have come since", () => {
    const limits = new RateLimits();
    limits.take("a", 1, 0);
    for (let n = 0; n < 10_000; n++) limits.take(`other ${n}`, 1, 0);
    limits.take("a", 1, 0);
  });
});
