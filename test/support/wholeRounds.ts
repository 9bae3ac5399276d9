import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "@jest/globals";
import type { TaskRecord } from "../../functions/domain/records.ts";
import { noFaults } from "../../local/sharepoint/faults.ts";
import type { SettingsLayer } from "../../shared/contracts/settingLevels.ts";
import { fileTree } from "./fileTree.ts";
import { task as taskRecord } from "./records.ts";
import { controlPlane } from "./suite.ts";
import { type TestTask, testTask } from "./testTask.ts";

/** Small packages, so that a round of a few files has several. */
const SMALL: SettingsLayer = { packageItems: 4, parallelPackages: 2 };

/** What a test may want otherwise in its task. */
export interface TaskOptions extends Partial<Pick<TaskRecord, "id" | "sessionId" | "destination">> {
  files?: Record<string, string>;
  settings?: SettingsLayer;
  /** A task that has the same share and the same folder at the destination. */
  like?: TestTask;
}

/**
 * Whole rounds with the parts of the product over real storage, vault and SharePoint: `const task = await newTask({ files })`, then
 * `await task.run()`, then look at what became of it. Each test makes its own; its share, the machine that works for it, and
 * whatever SharePoint was told to do wrong end with the test.
 */
export function wholeRounds(options?: Parameters<typeof controlPlane>[0]) {
  const { around, app } = controlPlane(options);
  const shares: string[] = [];
  let last: TestTask | undefined;
  let tasks = 0;

  afterEach(async () => {
    await last?.stop();
    last = undefined;
    await around.faults(noFaults);
    for (const share of shares.splice(0)) rmSync(share, { recursive: true });
  });

  function newShare(): string {
    const share = mkdtempSync(join(tmpdir(), "share-"));
    shares.push(share);
    return share;
  }

  async function newTask(options: TaskOptions = {}): Promise<TestTask> {
    const { files = {}, settings, like, ...more } = options;
    // A test that makes several takes them one after the other.
    await last?.stop();
    const number = ++tasks;
    const share = like?.share ?? fileTree(newShare());
    const library = like?.library ?? fileTree(join(around.library, `folder ${number}`));
    share.put(files);
    const folder = library.path.slice(around.library.length + 1);
    const record = taskRecord({
      ...{ id: `sess0000-rnd${number}`, source: share.path, settings: { ...SMALL, ...settings } },
      destination: { siteUrl: around.siteUrl, library: "Documents", folder },
      ...more,
    });
    await app.tasks.insert(record);
    last = testTask(app, record, { share, library, simulator: around.sharePoint.url });
    return last;
  }
  return { around, app, newTask };
}
