import { symlinkSync } from "node:fs";
import { expect } from "@jest/globals";
import type { TestTask } from "./testTask.ts";
import type { TaskOptions } from "./wholeRounds.ts";

/** The files of the share that SharePoint takes. */
export const FILES = {
  "a/b/deep.txt": "deep",
  "a/large.bin": "L".repeat(150_000),
  "c/=1+1.csv": "formula",
  "c/empty": "",
  "odd\u2028name.txt": "odd",
};

/** A task for a share with what shares have: folders, files of all kinds, names that spreadsheets and readers stumble over. */
export async function mixedShare(
  newTask: (options: TaskOptions) => Promise<TestTask>,
): Promise<TestTask> {
  const task = await newTask({ files: { ...FILES, "c/bad:name.txt": "refused" } });
  symlinkSync("a", task.share.at("link"));
  return task;
}

/** What must hold of the first round of the share, whatever happened on the way. */
export async function expectFirstRound(task: TestTask): Promise<void> {
  expect(task.library.files()).toEqual(FILES);
  const { state, scan, migrated, skipped, failed, recorded, packaged, uploaded, imported } =
    await task.round();
  expect({ state, migrated, skipped, failed }).toEqual({
    ...{ state: "CompletedWithErrors", migrated: { items: 8, bytes: 150_014 } },
    ...{ skipped: { items: 1, bytes: 0 }, failed: { items: 1, bytes: 7 } },
  });
  expect(scan).toMatchObject({ finished: true, items: 10, files: 6, folders: 3, segments: 3 });
  for (const stage of [packaged, uploaded, imported]) expect(stage.items).toBeLessThanOrEqual(10);
  expect(packaged).toEqual({ items: 10, bytes: 150_021 });
  expect(recorded).toBe(3);
  const found = await task.outcomes();
  expect(found.size).toBe(10);
  const ids = [...found.values()].flatMap(({ id, listItemId }) => [id, listItemId].filter(Boolean));
  expect(new Set(ids).size).toBe(ids.length);
  expect(found.get("c/bad:name.txt")?.issue?.code).toBe("NAME_INVALID_CHARACTERS");
  expect(found.get("link")?.issue?.code).toBe("SYMBOLIC_LINK");
  // A header, ten items and the end of the last line.
  expect(await task.report("ItemReport_R0.csv")).toHaveLength(12);
  // What came in, and the task's own folder.
  expect(await task.imported()).toHaveLength(9);
  expect(await task.record()).toMatchObject({
    ...{ state: "CompletedWithErrors", round: 0, ledgerRound: 0, nextIntId: 13 },
  });
  expect(await task.isActive()).toBe(false);
}
