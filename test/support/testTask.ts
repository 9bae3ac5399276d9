import type { PackageRecord, RoundRecord, TaskRecord } from "../../functions/domain/records.ts";
import type { Services } from "../../functions/services.ts";
import { readOutcomes } from "../../functions/stores/rounds/roundBlobs.ts";
import type { Outcome } from "../../shared/contracts/outcomes.ts";
import type { SettingsLayer } from "../../shared/contracts/settingLevels.ts";
import type { TaskState } from "../../shared/contracts/tasks.ts";
import type { WorkSpec } from "../../shared/contracts/work.ts";
import type { Fault } from "./faults.ts";
import type { FileTree } from "./fileTree.ts";
import { type Process, startMachine } from "./machine.ts";

type Action = (spec: WorkSpec) => Promise<unknown> | unknown;

/** What is other in a process than in the product: services that are replaced, and faults that it meets. */
export interface ProcessChanges extends Partial<Services> {
  faults?: readonly Fault[];
}

type Wish = "pause" | "resume" | "cancel";

/** A process of the control plane, as far as it is about one task; see `Process`. */
export interface TaskProcess
  extends Pick<Process, "app" | "orchestrations">,
    Record<"start" | "revive" | Wish, () => Promise<boolean>> {
  request: Record<Wish, () => Promise<unknown>>;
}

/** A task with a share and a folder at the destination, and whatever becomes of them. */
export interface TestTask {
  id: string;
  share: FileTree;
  /** The task's folder in the library. */
  library: FileTree;
  /** Begins a process of the control plane; the one before it must be dead or done. */
  boot(changes?: ProcessChanges): TaskProcess;
  /** Drives a round to its end, for which the task has these settings besides its own. Returns the state of the task then. */
  run(settings?: SettingsLayer): Promise<TaskState>;
  /** What happens when the agent has claimed an item, before it works on it. */
  onWork(action: Action): void;
  /** The same, only when it claims its n-th item of this kind from now on. */
  onNth(number: number, kind: WorkSpec["kind"], action: Action): void;
  record(): Promise<TaskRecord>;
  change(more: Partial<TaskRecord>): Promise<void>;
  state(): Promise<TaskState>;
  /** Whether the timer looks after it. */
  isActive(): Promise<boolean>;
  round(number?: number): Promise<RoundRecord>;
  packages(number?: number): Promise<PackageRecord[]>;
  /** Every item's outcome, by its path. Throws when an item has two, or a package none. */
  outcomes(number?: number): Promise<Map<string, Outcome>>;
  /** The outcomes of what failed in the first round. */
  failures(): Promise<Outcome[]>;
  /** The lines of a report; none where it has not been written. */
  report(name: string, number?: number): Promise<string[]>;
  /** SharePoint's own record of the task's folder and what is below it. */
  imported(): Promise<ImportedItem[]>;
  /** Lets the agent finish what it has in hand. */
  stop(): Promise<void>;
}

/** A row of `/_simulator/items`; paths begin below the task's folder, whose own is "". */
export interface ImportedItem {
  path: string;
  kind: "file" | "folder";
  importCount: number;
  versions: { label: string; size: number }[];
  author: string | null;
  editor: string | null;
  permissions: string | null;
}

/** The task of a row that is in the table. `simulator`: where SharePoint's record is, "http://127.0.0.1:1234". */
export function testTask(
  app: Services,
  { id, settings, destination: { folder } }: TaskRecord,
  { share, library, simulator }: { share: FileTree; library: FileTree; simulator: string },
): TestTask {
  let beforeWork: Action = () => undefined;
  const machine = startMachine(app, { beforeWork: async (spec) => void (await beforeWork(spec)) });

  const task: TestTask = {
    ...{ id, share, library },
    boot({ faults = [], ...replaced } = {}) {
      const { request, ...process } = machine.boot(faults, replaced);
      return {
        ...process,
        start: () => process.start(id),
        revive: () => process.revive(id),
        pause: () => process.pause(id),
        resume: () => process.resume(id),
        cancel: () => process.cancel(id),
        request: {
          pause: () => request.pause(id),
          resume: () => request.resume(id),
          cancel: () => request.cancel(id),
        },
      };
    },
    async run(more = {}) {
      await task.change({ settings: { ...settings, ...more } });
      await task.boot().start();
      return task.state();
    },
    onWork(action) {
      beforeWork = action;
    },
    onNth(number, kind, action) {
      let seen = 0;
      beforeWork = (spec) => (spec.kind === kind && ++seen === number ? action(spec) : undefined);
    },
    async record() {
      const found = await app.tasks.find(id);
      if (!found) throw new Error(`there is no task ${id}`);
      return found;
    },
    async change(more) {
      await app.tasks.update(id, (value) => ({ ...value, ...more }));
    },
    state: async () => (await task.record()).state,
    isActive: async () => (await Array.fromAsync(app.tasks.listActive())).includes(id),
    async round(number = 0) {
      const found = await app.rounds.find(id, number);
      if (!found) throw new Error(`there is no round R${number}`);
      return found;
    },
    async packages(number = 0) {
      const rows = await Array.fromAsync(app.rounds.listPackages(id, number));
      return rows.map(({ value }) => value);
    },
    async outcomes(number = 0) {
      const found = new Map<string, Outcome>();
      for await (const { segment } of app.rounds.listPackages(id, number)) {
        const ref = { taskId: id, round: number };
        for await (const each of readOutcomes(app.state.outcomes, ref, segment)) {
          if (found.has(each.path)) throw new Error(`${each.path} has two outcomes`);
          found.set(each.path, each);
        }
      }
      return found;
    },
    failures: async () =>
      [...(await task.outcomes()).values()].filter(({ result }) => result === "failed"),
    async report(name, number = 0) {
      const blob = app.state.reports.getBlobClient(`${id}/R${number}/${name}`);
      if (!(await blob.exists())) return [];
      return (await blob.downloadToBuffer()).toString("utf8").split("\r\n");
    },
    async imported() {
      const response = await fetch(`${simulator}/_simulator/items?site=finance&list=Documents`);
      const lines = (await response.text()).split("\n").filter(Boolean);
      return lines
        .map((line) => JSON.parse(line) as ImportedItem)
        .filter(({ path }) => `${path}/`.startsWith(`${folder}/`))
        .map((item) => ({ ...item, path: item.path.slice(folder.length + 1) }));
    },
    stop: () => machine.stop(),
  };
  return task;
}
