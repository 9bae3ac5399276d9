import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { changeFaults, noFaults } from "./faults.ts";
import { startSharePoint } from "./server.ts";
import type { LibraryOption } from "./sites.ts";

interface Flags {
  port?: number;
  data?: string;
  library: LibraryOption[];
  jwks?: string;
  concurrency?: number;
  storage?: string;
  fault: Record<string, unknown>;
}

const program: Command = new Command("sharepoint")
  .description(
    "Simulated SharePoint Online: imports migration packages into libraries that are folders",
  )
  .option("--port <number>", "port on 127.0.0.1, 0 for a free one", wholeNumber)
  .option("--data <folder>", "folder for the simulator's own state")
  .option("--library <site=Title=folder>", "a document library; repeatable", addLibrary, [])
  .option("--jwks <url>", "verify tokens with this key set; without it any token is accepted")
  .option("--concurrency <jobs>", "running jobs per site collection", wholeNumber)
  .addOption(
    new Option("--storage <connection string>", "storage account for what SharePoint provides").env(
      "STORAGE_CONNECTION",
    ),
  )
  .option("--fault <name=value>", "something to do wrong, see faults.ts; repeatable", addFault, {})
  .parse();

const { library: libraries, fault: faults, data, ...rest } = program.opts<Flags>();
if (data === undefined) program.error("--data <folder> is missing");
if (libraries.length === 0) program.error("--library <site=Title=folder> is missing");
const sharePoint = await startSharePoint({ ...rest, data, libraries, faults }).catch(
  (error: Error) => program.error(error.message),
);
process.stdout.write(`${JSON.stringify({ ready: true, url: sharePoint.url, pid: process.pid })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void sharePoint.close());
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function addLibrary(text: string, libraries: LibraryOption[]): LibraryOption[] {
  const [, site, title, folder] = /^([^=]+)=([^=]+)=(.+)$/s.exec(text) ?? [];
  if (!site || !title || !folder) {
    throw new InvalidArgumentError("It must be site=Title=folder.");
  }
  return [...libraries, { site, title, folder: resolve(folder) }];
}

function addFault(text: string, faults: Record<string, unknown>): Record<string, unknown> {
  const [name = "", value = ""] = text.split(/=(.*)/s);
  const fault = { [name]: parseValue(value) };
  try {
    changeFaults(noFaults, fault);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return { ...faults, ...fault };
}

/** A number, true, false, a JSON array, or else text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
