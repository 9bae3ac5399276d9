import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, SCRIPTS, SELF, startCommand, type User } from "./command.ts";
import { gone, killAll, processesNaming } from "./processes.ts";

/** A folder of its own for one migration. Every process that works in it has its path in its command line. */
export interface Workspace {
  readonly root: string;
  readonly source: string;
  readonly library: string;
  readonly data: string;
}

export interface Migrated extends Ended {
  /** What `--json` printed. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of another program
  json: any;
}

export function makeWorkspace(): Workspace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "longshore-e2e-")));
  const [source = "", library = "", data = ""] = ["source", "library", "data"].map((name) =>
    join(root, name),
  );
  mkdirSync(source);
  return { root, source, library, data };
}

/** Ends what still runs in the folder and deletes it, whatever happened before. */
export async function removeWorkspace({ root }: Workspace): Promise<void> {
  killAll(processesNaming(root));
  await gone(root, 10_000);
  spawnSync("chmod", ["-R", "u+rwX", root]); // Tests make unreadable folders.
  rmSync(root, { recursive: true, force: true });
}

export const migrationFlags = ({ source, library, data }: Workspace, ...more: string[]) => [
  ...["--data", data, "--json"],
  ...[...more, source, library],
];

/** Runs the whole command to its end. */
export async function migrate(
  workspace: Workspace,
  { user = SELF, flags = [] }: { user?: User; flags?: string[] } = {},
): Promise<Migrated> {
  const home = workspace.root;
  const args = migrationFlags(workspace, ...flags);
  return withJson(await startCommand("migrate", args, { user, home }).ended);
}

/** `--json` prints one line with one object and nothing else. */
export function withJson(ended: Ended): Migrated {
  const { stdout, stderr } = ended;
  if (!/^\{.*\}\n$/.test(stdout))
    throw new Error(`stdout is not one line of JSON: ${stdout}\nstderr:\n${stderr}`);
  return { ...ended, json: JSON.parse(stdout) };
}

const NOBODY = 65_534;

/**
 * Root may read everything, so for root nothing would be unreadable: the command then runs as another user, who gets the
 * workspace. Where that user cannot even reach this repository, as root without the capabilities that make it special.
 */
export function ordinaryUser({ root }: Workspace): User {
  if (process.getuid?.() !== 0) return SELF;
  const options = { uid: NOBODY, gid: NOBODY };
  const look = `require("node:fs").accessSync(${JSON.stringify(SCRIPTS.migrate)})`;
  if (spawnSync(process.execPath, ["-e", look], { cwd: "/", ...options }).status === 0) {
    spawnSync("chown", ["-hR", `${NOBODY}:${NOBODY}`, root]);
    return { prefix: [], options };
  }
  const capabilities = "-dac_override,-dac_read_search";
  return {
    prefix: ["setpriv", `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`],
    options: {},
  };
}
