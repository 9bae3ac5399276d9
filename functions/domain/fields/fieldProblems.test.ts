import { describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { scheduleSchema } from "../../../shared/contracts/schedules.ts";
import { settingsLayerSchema } from "../../../shared/contracts/settingLevels.ts";
import { fieldProblems, parseFields } from "./fieldProblems.ts";

const schema = z.object({
  name: z.string(),
  settings: settingsLayerSchema.optional(),
  schedule: scheduleSchema.optional(),
});
const told = (value: unknown) =>
  fieldProblems(parseFields(schema, value).error?.issues ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );

describe("what is wrong with the fields of a request", () => {
  it("says that a field is missing", () => {
    expect(told({})).toEqual(["name: is missing"]);
  });

  it("names each field that does not exist where it stands", () => {
    expect(told({ name: "a", settings: { foo: 1, bar: 2 } })).toEqual([
      "settings.foo: there is no such field",
      "settings.bar: there is no such field",
    ]);
  });

  it("looks into the alternative that is meant", () => {
    const schedule = { cron: "0 22 * * 1", timeZone: "Mars/Base" };
    expect(told({ name: "a", schedule })).toEqual([
      'schedule.timeZone: must be an IANA time zone, like "Europe/Paris"',
    ]);
  });

  it("says what all alternatives are when none is meant", () => {
    const schedule = { at: "2030-01-01T00:00:00Z", cron: "0 22 * * 1" };
    expect(told({ name: "a", schedule })).toEqual([
      'schedule: must be { "at": … } or { "cron": …, "timeZone": … }',
    ]);
    expect(told({ name: "a", settings: { createdAfter: "yesterday" } })).toEqual([
      'settings.createdAfter: must be a day like "2024-06-01", an instant with its zone, or null',
    ]);
  });
});
