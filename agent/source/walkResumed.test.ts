import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { comparePaths } from "../../shared/rules/paths.ts";
import { entries, file, root, signal } from "../../test/support/walks.ts";
import { walk } from "./walk.ts";

describe("a resumed walk", () => {
  // A tree is a list of paths; names are few, so that folders are shared and cases collide.
  const name = fc.constantFrom(
    "a",
    "A",
    "b",
    "a b",
    "a-b",
    "a:b",
    "a?b",
    "a_b",
    "é",
    "É",
    "\uFF21",
    "\u{1F600}",
  );
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));

  it("gives exactly what the whole walk gives after that path", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 25 }), path, async (paths, elsewhere) => {
        rmSync(root, { recursive: true });
        mkdirSync(root);
        for (const path of paths)
          try {
            file(path);
          } catch {
            // a folder of that name is there, or a file where a folder should be
          }
        if (paths.length > 3) symlinkSync("x", join(root, "B"));
        const names = { invalidCharacters: "replace", replacementCharacter: "_" } as const;
        const whole = await entries(undefined, root, names);
        // Wherever it was cut, and at a path that has vanished since.
        for (const after of [...whole.map((entry) => entry.path), elsewhere])
          expect(await entries(after, root, names)).toEqual(
            whole.filter((entry) => comparePaths(entry.path, after) > 0),
          );
      }),
      { numRuns: 30 },
    );
  });

  it("knows the folders above the first entry", async () => {
    for (const path of ["a/b/1", "a/b/2"]) file(path);
    for await (const { entry, parent } of walk(root, { after: "a/b/1", signal })) {
      expect(entry.path).toBe("a/b/2");
      expect(parent?.entry.path).toBe("a/b");
      expect(parent?.parent?.entry).toMatchObject({ path: "a", kind: "folder" });
    }
  });
});
