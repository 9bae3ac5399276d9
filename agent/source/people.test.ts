import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type InventoryEntry, inventoryEntrySchema } from "../../shared/contracts/inventory.ts";
import { type OwnershipOf, ownershipReader } from "./people.ts";
import { walk } from "./walk.ts";

/* On Windows there are no such owners, and no such tests. */
const onPosix = process.platform === "win32" ? describe.skip : describe;
const { signal } = new AbortController();
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "people-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function folder(path: string, mode: number): void {
  mkdirSync(join(root, path));
  chmodSync(join(root, path), mode);
}
function file(path: string, mode: number): void {
  writeFileSync(join(root, path), "");
  chmodSync(join(root, path), mode);
}
async function scan(
  after?: string,
  ownershipOf: OwnershipOf | null = ownershipReader() ?? null,
): Promise<InventoryEntry[]> {
  const found: InventoryEntry[] = [];
  for await (const { entry } of walk(root, {
    ...{ after, signal },
    ownershipOf: ownershipOf ?? undefined,
  }))
    found.push(entry);
  return found;
}
/** The rights of owner and group, where the entry says them. */
const rights = (entries: InventoryEntry[]) =>
  Object.fromEntries(
    entries.map(({ path, access }) => [path, access?.map(({ kind, right }) => `${kind} ${right}`)]),
  );

onPosix("a walk that asks for people", () => {
  it("says who owns an item, and its rights where they are not those of the folder above", async () => {
    folder("a", 0o750);
    file("a/open.txt", 0o770);
    file("a/same.txt", 0o640);
    file("a/private.txt", 0o600);
    folder("a/sub", 0o777);
    file("a/sub/x", 0o664);
    file("a/sub/drop", 0o222);
    symlinkSync("a", join(root, "link"));
    file("top.txt", 0o640);
    const found = await scan();
    expect(rights(found)).toEqual({
      a: ["user write", "group read"],
      "a/private.txt": ["user write"],
      "a/open.txt": ["user write", "group write"],
      "a/same.txt": undefined,
      "a/sub": ["user write", "group write"],
      "a/sub/drop": [],
      "a/sub/x": undefined,
      link: undefined,
      "top.txt": ["user write", "group read"],
    });
    const { username } = userInfo();
    for (const entry of found) {
      expect(entry.owner).toBe(entry.kind === "other" ? undefined : username);
      expect(inventoryEntrySchema.parse(entry)).toEqual(entry);
    }
    expect(found[0]?.access?.[0]?.principal).toBe(username);
    // Going on in the middle, a walk says the same.
    expect(await scan("a/same.txt")).toEqual(found.slice(4));
  });

  it("says nothing when nobody asks", async () => {
    file("a", 0o600);
    const [entry] = await scan(undefined, null);
    expect(entry).not.toHaveProperty("owner");
    expect(entry).not.toHaveProperty("access");
  });

  it("shows the number of who has no name", async () => {
    const read = ownershipReader();
    const nobody = { uid: 3_999_999_001, gid: 3_999_999_002, mode: 0o100640 };
    expect(await read?.(nobody as never)).toEqual({
      owner: "uid:3999999001",
      access: [
        { principal: "uid:3999999001", kind: "user", right: "write" },
        { principal: "gid:3999999002", kind: "group", right: "read" },
      ],
    });
  });
});
