import { describe, expect, it } from "@jest/globals";
import { parseConfig } from "./config.ts";

const policies = [{ name: "p", primaryKey: "k", rights: ["Send"] }];

describe("parseConfig", () => {
  it("reads ISO 8601 durations and fills in the service's defaults", () => {
    const { queues } = parseConfig({
      policies,
      queues: [
        { name: "q", lockDuration: "PT1M30.5S", duplicateDetectionHistoryTimeWindow: "P1DT2H" },
      ],
    });
    expect(queues[0]).toEqual({
      name: "q",
      lockDuration: 90_500,
      maxDeliveryCount: 10,
      requiresDuplicateDetection: false,
      duplicateDetectionHistoryTimeWindow: 26 * 3_600_000,
      defaultMessageTimeToLive: Number.POSITIVE_INFINITY,
      deadLetteringOnMessageExpiration: false,
      maxSizeInMegabytes: 1_024,
      maxMessageSizeInKilobytes: 256,
    });
  });

  it.each([
    ["30s", "not a positive ISO 8601 duration"],
    ["P1M", "not a positive ISO 8601 duration"],
    ["PT", "not a positive ISO 8601 duration"],
    ["PT0S", "not a positive ISO 8601 duration"],
    ["PT6M", "at most PT5M"],
  ])("refuses the lock duration %s and names the field", (lockDuration, problem) => {
    const parse = () => parseConfig({ policies, queues: [{ name: "q", lockDuration }] });
    expect(parse).toThrow(problem);
    expect(parse).toThrow("queues[0].lockDuration");
  });

  it("refuses unknown settings and names that differ in letter case only", () => {
    const sessions = { policies, queues: [{ name: "q", requiresSession: true }] };
    expect(() => parseConfig(sessions)).toThrow("requiresSession");
    const twice = { policies, queues: [{ name: "q" }, { name: "Q" }] };
    expect(() => parseConfig(twice)).toThrow("must be unique");
  });
});
