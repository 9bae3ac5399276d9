import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../../local/parts.ts";
import { CommandError } from "../../local/supervisor/command-error.ts";

export interface MigrateArguments {
  help: boolean;
  /** Absent: migrate the sample share. */
  folders?: { source: string; library: string };
  data: string;
  agents: number;
  json: boolean;
  quiet: boolean;
}

export const MIGRATE_USAGE = `Usage: npm run migrate -- [<source folder> <library folder>] [options]

Migrates the contents of a folder into a document library that is a folder, with every part of Longshore running on this
machine. Running it again migrates what is new or changed. Without folders it migrates a small sample share.

  --data <folder>   where everything is kept between runs (default: .longshore in the repository)
  --agents <n>      agents that read and upload at the same time (default: 1)
  --json            one JSON object with the result on stdout (use "npm run -s": npm itself writes there, too)
  --quiet           nothing but problems and the result
  --help            this text

Exit code: 0 everything migrated or skipped by rule; 2 finished, some items failed; 1 could not run; 130 interrupted.`;

/** Reads the command line of migrate. Relative paths are relative to `cwd`, where the caller stands. */
export function readMigrateArguments(argv: readonly string[], cwd: string): MigrateArguments {
  const { values, positionals } = parse(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        data: { type: "string" },
        agents: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        quiet: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }),
  );
  const { json, quiet, help } = values;
  const data = dataFolder(values.data, cwd);
  const agents = readNumber("--agents", values.agents, 1, 32);
  const [source, library, ...rest] = positionals;
  if (source === undefined || help) return { help, data, agents, json, quiet };
  if (library === undefined) {
    throw new CommandError(
      "The library folder is missing.",
      "Name both: npm run migrate -- <source folder> <library folder>",
    );
  }
  if (rest.length > 0) {
    throw new CommandError(
      `There are ${positionals.length} folders; a migration has one source and one library.`,
      "Put a path with spaces in quotes.",
    );
  }
  const folders = { source: fromCwd(cwd, source), library: fromCwd(cwd, library) };
  return { help, folders, data, agents, json, quiet };
}

export interface StartArguments {
  help: boolean;
  data: string;
  agents: number;
  port?: number;
  libraries: string[];
}

export const START_USAGE = `Usage: npm start -- [options]

Starts every part of Longshore on this machine and keeps them running until Ctrl-C.

  --port <n>           port of the HTTP API (default: a free one, the same every time)
  --library <folder>   a folder that is to be a document library; repeatable (default: <data>/library)
  --data <folder>      where everything is kept between runs (default: .longshore in the repository)
  --agents <n>         agents that read and upload at the same time (default: 1)
  --help               this text`;

/** Reads the command line of start. */
export function readStartArguments(argv: readonly string[], cwd: string): StartArguments {
  const { values } = parse(() =>
    parseArgs({
      args: [...argv],
      options: {
        data: { type: "string" },
        agents: { type: "string", default: "1" },
        port: { type: "string" },
        library: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h", default: false },
      },
    }),
  );
  return {
    help: values.help,
    data: dataFolder(values.data, cwd),
    agents: readNumber("--agents", values.agents, 1, 32),
    ...(values.port !== undefined && { port: readNumber("--port", values.port, 1, 65_535) }),
    libraries: values.library.map((folder) => fromCwd(cwd, folder)),
  };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Node goes on with advice about a second "--", which npm's own makes hard to follow.
    const [problem = ""] = (error as Error).message.split(". ");
    throw new CommandError(
      `${problem}.`.replace(/\.\.$/, "."),
      "Run it with --help to see what it takes.",
    );
  }
}

const dataFolder = (wanted: string | undefined, cwd: string) =>
  wanted === undefined ? join(repositoryRoot, ".longshore") : fromCwd(cwd, wanted);

/** npm on Windows and quoted arguments leave `~` to the program. */
const fromCwd = (cwd: string, path: string) =>
  resolve(cwd, path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path);

function readNumber(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new CommandError(`${flag} is "${text}".`, `Give a whole number from ${least} to ${most}.`);
}
