import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { repositoryRoot } from "../../local/parts.ts";
import { readMigrateArguments, readStartArguments } from "./arguments.ts";

const migrate = (...argv: string[]) => readMigrateArguments(argv, "/home/ann");

describe("arguments", () => {
  it("resolves paths where the caller stands, and the default data folder where the code is", () => {
    expect(migrate("share", "../library", "--agents", "3", "--json")).toEqual({
      help: false,
      folders: { source: "/home/ann/share", library: "/home/library" },
      data: join(repositoryRoot, ".longshore"),
      agents: 3,
      json: true,
      quiet: false,
    });
    expect(migrate("--data", "d")).toMatchObject({ data: "/home/ann/d", agents: 1 });
    expect(migrate()).not.toHaveProperty("folders");
    expect(readStartArguments(["--port", "8080", "--library", "l"], "/home/ann")).toMatchObject({
      port: 8080,
      libraries: ["/home/ann/l"],
    });
  });

  it.each([
    [["share"], /library folder is missing/],
    [["a", "b", "c"], /There are 3 folders/],
    [["--agents", "0"], /--agents is "0"/],
    [["--agents", "two"], /--agents is "two"/],
    [["--nonsense"], /^Unknown option '--nonsense'\.$/],
  ])("refuses %j", (argv, message) => {
    expect(() => migrate(...argv)).toThrow(message);
  });

  it("refuses a port that is none", () => {
    expect(() => readStartArguments(["--port", "70000"], "/")).toThrow(/--port is "70000"/);
  });
});
