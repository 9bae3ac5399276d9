import type { z } from "zod";
import type { BulkProblem } from "../../../shared/contracts/bulk.ts";
import {
  type SettingsLayer,
  settingsLayerSchema,
} from "../../../shared/contracts/settingLevels.ts";
import {
  SETTING_NAMES,
  type SettingName,
  settingsSchema,
} from "../../../shared/contracts/settings.ts";
import { ABSOLUTE } from "../../../shared/contracts/tasks.ts";
import { parseFields } from "../fields/fieldProblems.ts";
import { nearest } from "../fields/nearest.ts";
import { type BulkFile, type Draft, nameOf, type Remark } from "./bulkFile.ts";
import type { CsvRow } from "./csvRows.ts";

/**
 * Longshore's own CSV: the header names the columns, in any order. Also tags, agent group, schedule and settings; an empty
 * cell says nothing.
 */
const COLUMNS = [
  ...["source", "site", "library", "folder", "name", "tags", "agentGroup"],
  ...["schedule", "at", "cron", "timeZone"],
] as const;
const REQUIRED = ["source", "site", "library"];
const SETTING = "setting.";

const KNOWN = new Map(
  [...COLUMNS, ...SETTING_NAMES.map((name) => `${SETTING}${name}`)].map((column) => [
    column.toLowerCase(),
    column,
  ]),
);

const FIELDS: [field: string, column: string][] = [
  ["destination.siteUrl", "site"],
  ["destination.library", "library"],
  ["destination.folder", "folder"],
  ["source", "source"],
  ["name", "name"],
  ["tags", "tags"],
  ["agentGroup", "agentGroup"],
  ["schedule.timeZone", "timeZone"],
];

/** Whether a first row is the header of this format: names columns, also when some of the names are wrong. */
export const hasNamedColumns = (row: CsvRow | undefined): boolean => {
  const cells = row?.cells ?? [];
  const known = cells.filter((cell) => KNOWN.has(cell.toLowerCase()));
  return known.length >= 2 && !cells.some((cell) => ABSOLUTE.test(cell));
};

export function readNamedColumns(rows: readonly CsvRow[], problems: BulkProblem[]): BulkFile {
  const [header, ...data] = rows;
  const format = "longshore-csv";
  if (!header) return { format, drafts: [], problems };
  const columns = header.cells.map((cell) => KNOWN.get(cell.toLowerCase()));
  // Also of a header with mistakes the rows are checked, as far as it says what is in them.
  return {
    format,
    drafts: data.map((row) => draftOf(row, columns)),
    problems: [...problems, ...headerProblems(header, columns)],
  };
}

function headerProblems({ row, cells }: CsvRow, columns: (string | undefined)[]): BulkProblem[] {
  const problems: BulkProblem[] = [];
  const add = (value: string, message: string, fix: string) =>
    problems.push({ row, column: value, value, message, fix });
  if (columns.every((column) => column === undefined)) {
    add("", "is no header: it names no column", `Begin with a row like ${REQUIRED.join(",")}.`);
    return problems;
  }
  columns.forEach((column, index) => {
    const cell = cells[index] ?? "";
    if (column === undefined) add(cell, "is not a column of this format", unknownFix(cell));
    else if (columns.indexOf(column) !== index)
      add(cell, "is there twice", "Leave one of the columns out.");
  });
  for (const column of REQUIRED)
    if (!columns.includes(column))
      add(column, "is missing", `Add the column ${column} to the header.`);
  return problems;
}

function unknownFix(cell: string): string {
  const meant = nearest(cell, [...KNOWN.values()]);
  return meant
    ? `Write "${meant}", if that is what you mean, or leave the column out.`
    : `Use ${COLUMNS.join(", ")} or setting.<name>.`;
}

type Columns = readonly (string | undefined)[];

function draftOf({ row, cells }: CsvRow, columns: Columns): Draft {
  const problems: Remark[] = [];
  const cellOf = (column: string) => cells[columns.indexOf(column)] ?? "";
  if (cells.length > columns.length)
    problems.push({
      column: "",
      value: cells.slice(columns.length).join(","),
      message: `has ${cells.length} cells, the header ${columns.length}`,
      fix: "Put a cell with a comma in it between double quotes.",
    });
  const source = cellOf("source");
  const tags = cellOf("tags");
  const agentGroup = cellOf("agentGroup");
  const schedule = scheduleOf(cellOf, problems);
  const settings = settingsOf(cells, columns, problems);
  return {
    row,
    task: {
      name: cellOf("name") || nameOf(source),
      source,
      destination: {
        siteUrl: cellOf("site"),
        library: cellOf("library"),
        folder: cellOf("folder"),
      },
      ...(tags && { tags: tags.split(";").filter((tag) => tag.trim() !== "") }),
      ...(agentGroup && { agentGroup }),
      ...(schedule && { schedule }),
      ...(settings && { settings }),
    },
    problems,
    warnings: [],
    isTold: (column) => REQUIRED.includes(column) && !columns.includes(column),
    origin: (field) => {
      const column = columnOf(field, cellOf);
      return { column, value: cellOf(column) };
    },
  };
}

function columnOf(field: string, cellOf: (column: string) => string): string {
  if (field.startsWith("settings.")) return `${SETTING}${field.split(".")[1]}`;
  const known = FIELDS.find(([name]) => field.startsWith(name));
  if (known) return known[1];
  return ["at", "cron", "schedule"].find((column) => cellOf(column)) ?? field;
}

/** `schedule` may hold what `at` or `cron` do. */
function scheduleOf(cellOf: (column: string) => string, problems: Remark[]) {
  const either = cellOf("schedule");
  const isInstant = /^\d{4}-/.test(either);
  const at = cellOf("at") || (isInstant ? either : "");
  const cron = cellOf("cron") || (isInstant ? "" : either);
  const timeZone = cellOf("timeZone");
  if (at && cron)
    problems.push({
      column: "cron",
      value: cron,
      message: "there is a single time as well",
      fix: "Give either at or cron.",
    });
  if (timeZone && !cron)
    problems.push({
      column: "timeZone",
      value: timeZone,
      message: "belongs to cron, which is empty",
      fix: "Give cron as well, or write the zone into at, like 2026-01-31T22:00:00+01:00.",
    });
  if (at) return { at };
  return cron ? { cron, ...(timeZone && { timeZone }) } : undefined;
}

function settingsOf(
  cells: readonly string[],
  columns: Columns,
  problems: Remark[],
): SettingsLayer | undefined {
  const settings: Record<string, unknown> = {};
  columns.forEach((column, index) => {
    const text = cells[index];
    if (!column?.startsWith(SETTING) || !text) return;
    const name = column.slice(SETTING.length) as SettingName;
    const tried = readings(text).map((value) =>
      parseFields(settingsLayerSchema, { [name]: value }),
    );
    const fitting = tried.find(({ success }) => success);
    if (fitting?.success) {
      settings[name] = fitting.data[name];
      return;
    }
    const message = mostTelling(tried.map(({ error }) => error?.issues[0]));
    const { description } = settingsSchema.shape[name].unwrap();
    const fix = description ?? "Give a value that the setting accepts.";
    problems.push({ column, value: text, message, fix });
  });
  return Object.keys(settings).length > 0 ? (settings as SettingsLayer) : undefined;
}

/** What is wrong with the reading that has the right type; the place says which of several values it is. */
function mostTelling(issues: readonly (z.core.$ZodIssue | undefined)[]): string {
  const issue = issues.find((each) => each && each.code !== "invalid_type") ?? issues.at(-1);
  const place = issue?.path[1];
  const which = typeof place === "number" ? `value ${place + 1} ` : "";
  return `${which}${issue?.message ?? "is not valid"}`;
}

const TRUE = new Set(["true", "yes", "on"]);
const FALSE = new Set(["false", "no", "off"]);

/** What a cell may mean, the likelier first; the setting decides. */
function readings(text: string): unknown[] {
  const lower = text.toLowerCase();
  if (TRUE.has(lower) || FALSE.has(lower)) return [TRUE.has(lower), text];
  if (lower === "none") return [null, [], "", text];
  if (/^-?\d+$/.test(text)) return [Number(text), text, [text]];
  return [text.split(";").map((part) => part.trim()), text];
}
