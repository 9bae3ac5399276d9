import type { BulkFormat, BulkProblem } from "../../../shared/contracts/bulk.ts";
import { type TaskCreate, taskCreateSchema } from "../../../shared/contracts/tasks.ts";
import { fieldProblems, parseFields } from "../fields/fieldProblems.ts";

/** What is wrong with a file or one of its rows, without the row's number. */
export type Remark = Omit<BulkProblem, "row">;

/** A task as a file describes it, before it is checked. */
export interface Draft {
  /** As a spreadsheet counts, or the place in the list of tasks. */
  row: number;
  task: Partial<TaskCreate>;
  /** What the reader of the format has against it. */
  problems: Remark[];
  /** Which cell is which cannot be told, so nothing is said about them. */
  isUnreadable?: boolean;
  /** What is in the file and has no effect. */
  warnings: Remark[];
  /** Whether the header has been told that it misses this column: not every row is then told, too. */
  isTold?: (column: string) => boolean;
  /** Where a field of the task was in the file, and what stood there. */
  origin: (field: string) => { column: string; value: string };
}

export interface BulkFile {
  format: BulkFormat;
  drafts: Draft[];
  /** What is wrong with the file as a whole. */
  problems: BulkProblem[];
}

const FIXES: [field: string, fix: string][] = [
  [
    "source",
    "Give the folder as the agent sees it: \\\\server\\share\\folder, or another absolute path.",
  ],
  [
    "destination.siteUrl",
    "Give the address of the site, like https://contoso.sharepoint.com/sites/finance, or the e-mail address of a OneDrive's owner.",
  ],
  ["destination.library", "Give the title of the document library, like Documents."],
  [
    "destination.folder",
    'Give folder names with "/" between them that SharePoint allows, or leave it empty.',
  ],
  ["name", "Give a name of 1 to 255 characters."],
  ["tags", 'Give at most ten tags with ";" between them, each of at most 64 characters.'],
  ["agentGroup", "Give the name of an agent group, like default or paris-2."],
  [
    "schedule",
    'Give either "at", like 2026-01-31T22:00:00Z, or "cron" with "timeZone", like 0 22 * * 1-5 and Europe/Paris.',
  ],
  ["settings", "Give a value that the setting accepts; GET v1/settings shows all of them."],
];

/** What stands in the way of a draft, all of it at once; the task when nothing does. */
export function checkDraft(draft: Draft): {
  task?: ReturnType<typeof taskCreateSchema.parse>;
  problems: Remark[];
} {
  const { task, origin } = draft;
  const problems = [...draft.problems];
  if (draft.isUnreadable) return { problems };
  const add = (field: string, told: string) => {
    const { column, value } = origin(field);
    if (draft.isTold?.(column)) return;
    // What the reader of the format said of the cell says it better.
    if (draft.problems.some((other) => other.column === column)) return;
    const message = value === "" ? "is missing" : told;
    if (problems.some((other) => other.column === column && other.message === message)) return;
    const [, fix = "Correct the value."] = FIXES.find(([known]) => field.startsWith(known)) ?? [];
    problems.push({ column, value, message, fix });
  };
  const parsed = parseFields(taskCreateSchema, task);
  // A task is named after its source: without one that is what is missing.
  for (const { field, message } of fieldProblems(parsed.error?.issues ?? []))
    if (field !== "name" || task.source) add(field, message);
  return {
    ...(parsed.success && problems.length === 0 && { task: parsed.data }),
    problems,
  };
}

/** The last part of a path, for tasks without a name. */
export const nameOf = (source: string): string =>
  source
    .split(/[\\/]+/)
    .filter(Boolean)
    .at(-1)
    ?.slice(0, 255) ?? source;
