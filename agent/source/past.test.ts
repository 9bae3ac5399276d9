import { spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Version } from "../../shared/contracts/inventory.ts";
import { type Past, pastOf } from "./past.ts";
import { orderSnapshots } from "./snapshot-order.ts";

let top: string;
let faults: string[];
let borders: string[];

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "past-"));
  mkdirSync(join(top, "now"));
  faults = [];
  borders = [];
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

/** Writes a file of so many bytes, last modified so many seconds after the beginning of 2025. */
function file(path: string, size: number, at: number): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), "x".repeat(size));
  utimesSync(join(top, path), time(at) / 1_000, time(at) / 1_000);
}
const time = (at: number) => Date.UTC(2025, 0, 1) + at * 1_000;
const day = (number: number) => `daily.2026-01-0${number}_0010`;

async function versions(path: string, names: string[], keep = 50): Promise<Version[]> {
  const snapshots = names.map((name) => ({ name, path: join(top, name) }));
  const stat = (below: string) => {
    const stats = lstatSync(join(top, "now", below));
    // As a file system that is mounted there would have it.
    return below.startsWith("mounted") ? Object.assign(stats, { dev: stats.dev + 1 }) : stats;
  };
  let past: Past | undefined = pastOf(stat(""), {
    ...{ snapshots: orderSnapshots(snapshots, { numbered: false }), keep },
    onFault: (where, fault) => faults.push(`${where}: ${fault}`.slice(top.length + 1)),
    onBorder: (way) => borders.push(`${way}`),
  });
  const parts = path.split("/");
  const name = parts.pop() as string;
  for (const [depth, folder] of parts.entries())
    past = past?.folder(folder, undefined, stat(parts.slice(0, depth + 1).join("/")));
  return past?.versionsOf(name, stat(path)) ?? [];
}
const brief = (found: Version[]) =>
  found.map(
    ({ snapshot, size, modified }) => `${snapshot} ${size} ${(modified - time(0)) / 1_000}`,
  );

/** Names whose times are known, and such that tell nothing. */
describe.each([
  ["snapshots whose order is known", [1, 2, 3, 4, 5].map(day)],
  ["snapshots in any order", ["hourly.3", "hourly.0", "manual", "hourly.1", "hourly.2"]],
])("versions out of %s", (_order, names) => {
  const [first, second, third, fourth, fifth] = names as [string, string, string, string, string];

  it("are what differs and is older, oldest first", async () => {
    file("now/a/f", 5, 50);
    file(`${first}/a/f`, 1, 10);
    file(`${second}/a/f`, 2, 20);
    file(`${third}/a/f`, 3, 20);
    file(`${fourth}/a/f`, 5, 50); // as it is now
    file(`${fifth}/a/f`, 9, 60); // was put back since
    const found = await versions("a/f", names);
    expect(brief(found).sort()).toEqual(
      [`${first} 1 10`, `${second} 2 20`, `${third} 3 20`].sort(),
    );
    expect(found.map(({ modified }) => modified)).toEqual([time(10), time(20), time(20)]);
    expect(found[0]).toEqual({ snapshot: first, size: 1, modified: time(10) });
  });

  it("are the newest that were asked for", async () => {
    file("now/f", 9, 90);
    for (const [at, name] of names.entries()) file(`${name}/f`, at + 1, at * 10);
    const all = names.map((name, at) => `${name} ${at + 1} ${at * 10}`);
    for (const keep of [1, 2, 4, 5, 6])
      expect(brief(await versions("f", names, keep))).toEqual(all.slice(-keep));
  });

  it("are found however often a file was missing, or was something else", async () => {
    file("now/f", 9, 90);
    file(`${first}/f`, 1, 10);
    mkdirSync(join(top, second));
    symlinkSync(join(top, "now/f"), join(top, second, "f"));
    mkdirSync(join(top, third, "f"), { recursive: true });
    mkdirSync(join(top, fourth));
    file(`${fifth}/f`, 3, 30);
    expect(brief(await versions("f", names))).toEqual([`${first} 1 10`, `${fifth} 3 30`]);
  });

  it("are not looked for in folders that a snapshot does not have", async () => {
    file("now/a/b/f", 9, 90);
    file(`${first}/a/b/f`, 1, 10);
    file(`${second}/a`, 7, 10); // was a file
    mkdirSync(join(top, "outside/b"), { recursive: true });
    file("outside/b/f", 6, 60);
    mkdirSync(join(top, third));
    symlinkSync(join(top, "outside"), join(top, third, "a"));
    mkdirSync(join(top, fourth, "a"), { recursive: true });
    symlinkSync(join(top, "outside/b"), join(top, fourth, "a/b"));
    mkdirSync(join(top, fifth));
    expect(brief(await versions("a/b/f", names))).toEqual([`${first} 1 10`]);
  });

  it("are one where snapshots share it", async () => {
    file("now/f", 9, 90);
    file(`${first}/f`, 1, 10);
    for (const name of [second, third]) {
      mkdirSync(join(top, name));
      linkSync(join(top, first, "f"), join(top, name, "f"));
    }
    const found = await versions("f", names);
    expect(found).toHaveLength(1);
    // The newest one lives longest.
    if (third === day(3)) expect(found[0]?.snapshot).toBe(third);
  });
});

it("gives versions of the newest snapshots, also when an older one was put back", async () => {
  file("now/f", 9, 90);
  file(`${day(1)}/f`, 3, 30);
  file(`${day(2)}/f`, 1, 10);
  const names = [day(1), day(2)];
  expect(brief(await versions("f", names, 1))).toEqual([`${day(2)} 1 10`]);
  expect(brief(await versions("f", names, 2))).toEqual([`${day(2)} 1 10`, `${day(1)} 3 30`]);
});

it("ends where another file system begins, and tells where", async () => {
  for (const path of ["mounted/a/f", "f"]) {
    file(`now/${path}`, 9, 90);
    file(`${day(1)}/${path}`, 1, 10);
  }
  expect(await versions("mounted/a/f", [day(1)])).toEqual([]);
  expect(borders).toEqual(["/mounted"]);
  expect(await versions("f", [day(1)])).toHaveLength(1);
  expect(borders).toHaveLength(1);
});

it("tells what it may not look at, and leaves it out", () => {
  file("now/a/f", 9, 90);
  file(`${day(1)}/a/f`, 1, 10);
  file(`${day(2)}/a/f`, 2, 20);
  chmodSync(join(top, day(1), "a"), 0o000);
  chmodSync(top, 0o755);
  const script = `
    import { lstatSync } from "node:fs";
    import { pastOf } from ${JSON.stringify(join(import.meta.dirname, "past.ts"))};
    const top = ${JSON.stringify(top)};
    const ordered = ${JSON.stringify([day(2), day(1)])}.map((name) => ({ name, path: top + "/" + name }));
    const options = { snapshots: { ordered, unordered: [] }, keep: 9, onFault: (path, fault) => console.log(path, fault), onBorder() {} };
    const now = (path) => lstatSync(top + "/now/" + path);
    const past = pastOf(now(""), options).folder("a", undefined, now("a"));
    console.log(JSON.stringify(await past.versionsOf("f", now("a/f"))));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
    encoding: "utf8",
  });
  chmodSync(join(top, day(1), "a"), 0o755);
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    `${top}/${day(1)}/a/f EACCES (lstat)`,
    JSON.stringify([{ snapshot: day(2), size: 2, modified: time(20) }]),
  ]);
});
