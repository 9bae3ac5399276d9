import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "@jest/globals";
import type { PackageRecord } from "../../functions/domain/records.ts";
import type { Services } from "../../functions/services.ts";
import { noFaults } from "../../local/sharepoint/faults.ts";
import type { WorkSpec } from "../../shared/contracts/work.ts";
import { type Machine, startMachine } from "./machine.ts";
import { outcomesOf } from "./outcomes.ts";
import { task } from "./records.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "./services.ts";

const THEN = new Date("2024-03-01T12:00:00Z");

/**
 * For tests of whole rounds whose import goes other ways than the usual one: every test has a share, a task and a destination
 * folder of its own, and whatever SharePoint was told to do wrong ends with it.
 */
export function importTests({ identity = false } = {}) {
  let around: Surroundings;
  let app: TestServices;
  let machine: Machine;
  let source: string;
  let folder: string;
  let taskId: string;
  let tests = 0;
  let beforeWork: (spec: WorkSpec) => Promise<void> | void;
  let givenKeys: Set<string>;

  beforeAll(async () => {
    around = await startSurroundings({ queues: true, identity });
    app = await buildServices(around);
  });
  afterAll(async () => {
    await app.close();
    await around.stop();
  });
  beforeEach(() => {
    source = mkdtempSync(join(tmpdir(), "share-"));
    folder = `import ${++tests}`;
    taskId = `sess0000-mpx${tests}`;
    beforeWork = () => undefined;
    givenKeys = new Set();
    machine = startMachine(app, {
      beforeWork: (spec) => {
        if (spec.kind === "upload") givenKeys.add(spec.contentKey);
        return beforeWork(spec);
      },
    });
  });
  afterEach(async () => {
    await around.faults(noFaults);
    await machine.stop();
    rmSync(source, { recursive: true });
  });

  return {
    around: () => around,
    app: () => app,
    machine: () => machine,
    taskId: () => taskId,
    folder: () => folder,
    /** Content keys as agents were given them. */
    givenKeys: () => givenKeys,
    /** Done when the agent has claimed an item, before it works on it. */
    onWork(work: (spec: WorkSpec) => Promise<void> | void) {
      beforeWork = work;
    },
    /** Fills the share and makes the task. */
    async share(files: number, settings: object = {}): Promise<void> {
      mkdirSync(join(source, "a"));
      for (let n = 0; n < files; n++) {
        const path = join(source, n % 2 ? "a" : "", `${n}.txt`);
        writeFileSync(path, `file ${n}`);
        utimesSync(path, THEN, THEN);
      }
      await app.tasks.insert(
        task({
          ...{ id: taskId, source },
          destination: { siteUrl: around.siteUrl, library: "Documents", folder },
          settings: { packageItems: 4, parallelPackages: 2, ...settings },
        }),
      );
    },
    /** Drives the round to its end, some services replaced. */
    run: (replaced: Partial<Services> = {}) => machine.boot([], replaced).start(taskId),
    /** The configuration of an app that is set up otherwise. */
    setUp: (more: Partial<Services["config"]>) => ({ config: { ...app.config, ...more } }),
    /** The destination, some of its calls replaced. */
    destinationWith: (calls: Partial<Services["destination"]>): Services["destination"] =>
      Object.assign(Object.create(app.destination), calls),
    /** How many files are in the library. */
    arrived: () =>
      readdirSync(join(around.library, folder), { recursive: true, withFileTypes: true }).filter(
        (entry) => entry.isFile(),
      ).length,
    async packages(): Promise<PackageRecord[]> {
      const rows: PackageRecord[] = [];
      for await (const { value } of app.rounds.listPackages(taskId, 0)) rows.push(value);
      return rows;
    },
    outcomes: () => outcomesOf(app, taskId),
    state: async () => (await app.rounds.find(taskId, 0))?.state,
  };
}
