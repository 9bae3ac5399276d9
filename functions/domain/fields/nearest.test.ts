import { describe, expect, it } from "@jest/globals";
import { nearest, suggestion } from "./nearest.ts";

const columns = [
  "source",
  "site",
  "library",
  "folder",
  "setting.excludeNames",
  "setting.packageItems",
];

describe("the word that was meant", () => {
  it.each([
    ["sources", "source"],
    ["Sourec", "source"],
    ["stie", "site"],
    ["fodler", "folder"],
    ["SharePointSite", "site"],
    ["excludeNames", "setting.excludeNames"],
    ["setting.exludeNames", "setting.excludeNames"],
  ])("for %s is %s", (given, word) => {
    expect(nearest(given, columns)).toBe(word);
  });

  it.each(["", "x", "colour", "a".repeat(10_000)])("is none for %.10j", (given) => {
    expect(nearest(given, columns)).toBeUndefined();
    expect(suggestion(given, columns)).toBe("");
  });
});
