import { describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { fieldMessage } from "./fieldMessages.ts";

const state = z.enum(["Failed", "Paused"]);

describe("what is wrong with a value, in words", () => {
  it.each([
    [z.string(), 5, "must be a text, not a number"],
    [z.string(), undefined, "is missing"],
    [z.string(), null, "must be a text, not null"],
    [z.string().min(1), "", "is empty"],
    [z.string().min(2), "a", "must have at least 2 characters"],
    [z.string().max(1), "ab", "must have at most 1 character"],
    [z.boolean(), "yes", "must be true or false, not a text"],
    [z.coerce.number(), "abc", "must be a number"],
    [z.number().int(), 1.5, "must be a whole number"],
    [z.coerce.number().int().min(1), "0", "must be at least 1"],
    [z.number().max(1_000), 1_001, "must be at most 1000"],
    [z.array(z.string()), "a", "must be a list, like [ … ], not a text"],
    [z.array(z.string()).max(1), ["a", "b"], "must have at most 1 entry"],
    [z.object({}), [], "must be an object, like { … }, not a list"],
    [state, "failed", 'must be one of Failed, Paused; do you mean "Failed"?'],
    [state, "Lost", "must be one of Failed, Paused"],
    [state, 1, "must be one of Failed, Paused"],
    [state, undefined, "is missing"],
    [z.literal("x"), "y", 'must be "x"'],
    [z.literal(1), 2, "must be 1"],
    [z.iso.datetime(), "x", 'must be an instant with its zone, like "2026-01-31T22:00:00Z"'],
    [z.string().regex(/^a$/, "must be a"), "b", "must be a"],
  ])("%#", (schema, value, message) => {
    const { error } = schema.safeParse(value, { error: fieldMessage });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
