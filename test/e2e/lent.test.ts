/** A migration in containers that SharePoint lends, told of by its queue, and what of their secrets lies anywhere afterwards. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { filesHolding, spellings } from "./support/byte-search.ts";
import { requireCode, startCommand } from "./support/command.ts";
import { packageRows, type WrappedKey, watchKeys } from "./support/package-keys.ts";
import { makePlainTree } from "./support/plain-tree.ts";
import { openData } from "./support/storage.ts";
import { contentHash, walk } from "./support/tree.ts";
import {
  type Migrated,
  makeWorkspace,
  migrate,
  removeWorkspace,
  type Workspace,
} from "./support/workspace.ts";

let workspace: Workspace;
let run: Migrated;
let keys: Map<string, WrappedKey>;

beforeAll(async () => {
  // Settings of the app, as a deployment would have them.
  Object.assign(process.env, { CONTAINERS: "sharepoint", JOB_NEWS: "queue" });
  workspace = makeWorkspace();
  makePlainTree(workspace.source, 60);
  const watching = watchKeys(workspace.data);
  run = await migrate(workspace);
  keys = await watching.stop();
}, 300_000);

afterAll(async () => {
  if (workspace) await removeWorkspace(workspace);
});

it("brings everything", () => {
  requireCode(run, 0);
  const library = walk(workspace.library);
  for (const { path, kind, full } of walk(workspace.source).values())
    if (kind === "file") expect(contentHash(library.get(path)?.full ?? "")).toBe(contentHash(full));
});

it("leaves no key and no signature, in whatever spelling, in any store", async () => {
  const parts = startCommand("start", ["--data", workspace.data, "--agents", "1"]);
  try {
    await parts.says(/Longshore is running/);
    const open = openData(workspace.data);
    const rows = await packageRows(open);
    expect(rows.length).toBeGreaterThan(0);
    for (const { containers, key } of rows) {
      expect(containers).toMatchObject({ lent: true });
      expect(key).toBeUndefined();
    }
    expect(keys.size).toBe(rows.length);
    for (const { id, wrapped } of keys.values()) {
      const clear = await open.unwrap(id, Buffer.from(wrapped, "base64"));
      expect(filesHolding(workspace.data, spellings(clear))).toEqual([]);
    }
  } finally {
    parts.child.kill("SIGTERM");
    await parts.ended;
  }
  for (const store of ["azurite-table", "azurite-queue", "functions-host", "service-bus", "logs"])
    expect(filesHolding(join(workspace.data, store), [Buffer.from("sig=")])).toEqual([]);
});
