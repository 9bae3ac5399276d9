import { describe, expect, it } from "@jest/globals";
import { explained } from "../../functions/domain/failures.ts";
import { explainSettings } from "../../functions/domain/settings.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";
import type { TaskView } from "../../shared/contracts/tasks.ts";
import { summarize, summaryLines } from "./summary.ts";
import { amount, roundView } from "./test-support.ts";

const task: TaskView = {
  id: "s-t",
  sessionId: "s",
  name: "share",
  source: "/share",
  destination: { siteUrl: "http://127.0.0.1:1/sites/x", library: "Documents", folder: "" },
  agentGroup: "default",
  settings: {},
  tags: [],
  effective: explainSettings({}),
  state: "Completed",
  createdAt: "2026-01-01T00:00:00.000Z",
};
const folders = { source: "/share", library: "/library", reports: "/reports" };
const failure = { path: "a:b", code: "X", reason: "a colon", remedy: "Rename it." };

const ended = (more: Partial<RoundView>) =>
  roundView({ state: "Completed", endedAt: "2026-01-01T00:00:10.000Z", ...more });
const text = (round: RoundView, failures = [failure].slice(0, round.failed.items)) =>
  summaryLines(summarize(task, round, folders, failures)).join("\n");

describe("summary", () => {
  it("gives exit code 0 when everything was migrated or skipped by rule", () => {
    const round = ended({ migrated: amount(90, 900), skipped: amount(10, 100) });
    const summary = summarize(task, round, folders, []);
    expect(summary).toMatchObject({ exitCode: 0, seconds: 10, perSecond: amount(9, 90) });
    expect(text(round)).toMatch(
      /The migration is complete\..*R0 took 10 s: 9\.0 items\/s, 90 B\/s/s,
    );
  });

  it("gives exit code 2 when items failed, and shows the first ones", () => {
    const round = ended({
      state: "CompletedWithErrors",
      migrated: amount(97, 970),
      failed: amount(3, 30),
    });
    expect(summarize(task, round, folders, []).exitCode).toBe(2);
    expect(text(round)).toMatch(
      /3 items failed.*a:b\n +a colon\n +Rename it\.\n +\.\.\. and 2 more/s,
    );
  });

  it("gives exit code 1 with the reason when the round failed", () => {
    const round = ended({
      state: "Failed",
      failure: explained({ code: "SOURCE_NOT_FOUND", message: "no such folder" }),
    });
    expect(summarize(task, round, folders, []).exitCode).toBe(1);
    expect(text(round)).toContain("The migration failed: no such folder (SOURCE_NOT_FOUND)");
  });

  it("warns of what keeps no item back", () => {
    const warnings = [explained({ code: "NO_SNAPSHOTS", message: "/share\nhas no snapshots" })];
    expect(summarize(task, ended({ warnings }), folders, []).exitCode).toBe(0);
    expect(text(ended({ migrated: amount(100, 1000), warnings }))).toMatch(
      /complete.*Warning: \/share\?has no snapshots \(NO_SNAPSHOTS\)\n +Make the snapshot folder/s,
    );
  });

  it("says so when there was nothing to do", () => {
    expect(text(ended({ number: 1, skipped: amount(100, 1000) }))).toContain(
      "Nothing to migrate: nothing is new or changed since the last round.",
    );
  });

  it("says so when the counts do not add up", () => {
    expect(text(ended({ migrated: amount(99, 1000) }))).toContain("do not add up: 100 scanned, 99");
  });
});
