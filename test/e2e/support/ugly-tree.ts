import { spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { shown } from "./tree.ts";

/** What a share can hold that does not arrive, with the code that reports give it. Everything else arrives. */
export interface UglyTree {
  expected: ReadonlyMap<string, { status: "Failed" | "Skipped"; code: string }>;
  /** Folders that the command cannot look into. */
  unreadable: ReadonlySet<string>;
  /** Takes rights away; afterwards the tree cannot be changed. */
  lock(): void;
  /** Closes what has to be open for the tree to be as it is. */
  dispose(): void;
}

const SMALL_FILES = 1_500;

/**
 * Fills `root` with what shares have in them. `destination` is the server-relative folder that the items land in:
 * SharePoint's 400 characters count from there.
 */
export async function makeUglyTree(root: string, destination: string): Promise<UglyTree> {
  const expected = new Map<string, { status: "Failed" | "Skipped"; code: string }>();
  const at = (path: string) => join(root, path);
  const file = (path: string, content: string | Uint8Array = `content of ${path}\n`) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
    return path;
  };
  const folder = (path: string) => mkdirSync(at(path), { recursive: true });
  const fails = (code: string, ...paths: string[]) => {
    for (const path of paths) expected.set(path, { status: "Failed", code });
  };
  const skipped = (code: string, ...paths: string[]) => {
    for (const path of paths) expected.set(path, { status: "Skipped", code });
  };

  // Names that arrive as they are.
  for (const name of [
    "Straße – Größe.txt",
    "Ελληνικά.txt",
    "Русский документ.docx",
    "日本語の資料.xlsx",
    "한국어.txt",
    "עברית ו-العربية.txt",
    "हिन्दी.txt",
    "emoji \u{1f680}\u{1f468}\u200d\u{1f469}\u200d\u{1f467}.txt",
    "caf\u00e9 (composed).txt",
    "cafe\u0301 (composed).txt",
    "it's & a;b=c,d.txt",
    "#1 100% $~ `tick` {a} [b] !@^+.txt",
    "..two leading dots",
    ".hidden",
    "no extension",
    "CON.txt",
    "two  blanks.txt",
    "line\u2028separator.txt",
    "right-to-left \u202egpj.exe",
    `${"long name ".repeat(24)}end.txt`,
  ])
    file(`Names/${name}`);
  // Names that a spreadsheet would take for a formula.
  for (const name of ["=1+1.txt", "+cmd' calc'!A0", "-2+3.csv", "@SUM(A1).txt", "'=1.txt"])
    file(`Formulas/${name}`);
  folder("=Folder like a formula");
  fails(
    "NAME_INVALID_CHARACTERS",
    ...['double "quotes".txt', "a:b.txt", "a*b.txt", "what?.txt", "a<b.txt", "a>b.txt", "a|b.txt"],
    ...[
      "back\\slash.txt",
      "line\nbreak.txt",
      "carriage\rreturn.txt",
      "tab\there.txt",
      "next line\u0085.txt",
      "bell\u0007.txt",
    ],
    ...["\t=1+1.txt", '=cmd|"x",\r\n"y".txt', "delete\u007f.txt"],
  );
  fails("NAME_LEADING_OR_TRAILING_SPACE", " leading space.txt", "trailing space.txt ", " ");
  fails("NAME_LEADING_OR_TRAILING_SPACE", "\u00a0no-break space.txt");
  fails("NAME_TRAILING_PERIOD", "ends with a period.", "three dots...");
  fails(
    "NAME_RESERVED",
    ...["CON", "prn", "AUX", "nul", "COM1", "lpt9", ".lock", "desktop.ini", "~$draft.docx"],
    ...["_vti_history.txt", "a_VTI_b.txt"],
  );
  for (const path of expected.keys()) file(path);
  fails("NAME_RESERVED", "Forms", "~folder with a tilde", "x_vti_y");
  for (const path of ["Forms", "~folder with a tilde", "x_vti_y"])
    fails("PARENT_NOT_MIGRATED", file(`${path}/below.txt`));
  file("Not at the root/Forms/below.txt");
  file("Not at the root/~file with a tilde.txt");
  fails("NAME_LEADING_OR_TRAILING_SPACE", "folder with a trailing space ");
  fails(
    "PARENT_NOT_MIGRATED",
    file("folder with a trailing space /a/b.txt"),
    "folder with a trailing space /a",
    file("folder with a trailing space /a b.txt"),
  );

  // Names that differ by case only: the first in byte order arrives.
  file("Case/README.txt", "capital");
  fails("NAME_CASE_COLLISION", file("Case/Readme.txt", "mixed"), file("Case/readme.txt", "small"));
  file("Case/ÄRGER.txt");
  fails("NAME_CASE_COLLISION", file("Case/ärger.txt"));
  file("Case/Folder/first.txt");
  fails("PARENT_NOT_MIGRATED", file("Case/folder/first.txt"), file("Case/folder/second.txt"));
  fails("NAME_CASE_COLLISION", "Case/folder");
  file("Case/Mixed/file in a folder.txt");
  fails("NAME_CASE_COLLISION", file("Case/mixed", "a file"));

  // Paths of exactly 400 characters arrive, longer ones do not. Characters are UTF-16 code units: an emoji has two.
  const room = 400 - destination.length - 1;
  const deep = `Deep/${"d".repeat(150)}`;
  const rest = room - deep.length - 1;
  file(`${deep}/${"a".repeat(rest)}`);
  file(`${deep}/\u{1f600}${"b".repeat(rest - 2)}`);
  fails("PATH_TOO_LONG", file(`${deep}/${"c".repeat(rest + 1)}`));
  fails("PATH_TOO_LONG", file(`${deep}/\u{1f600}${"d".repeat(rest - 1)}`));
  const tooDeep = `${deep}/${"e".repeat(120)}/${"f".repeat(120)}`;
  fails("PATH_TOO_LONG", tooDeep);
  fails("PARENT_NOT_MIGRATED", file(`${tooDeep}/x`));

  // Names that are no text.
  const raw = (path: string, name: number[], content?: string) => {
    const bytes = Buffer.from(name);
    const full = Buffer.concat([Buffer.from(`${at(path)}/`), bytes]);
    if (content === undefined) mkdirSync(full);
    else writeFileSync(full, content);
    return { full, path: `${path}/${shown(bytes)}` };
  };
  folder("Bytes");
  fails("NAME_NOT_UNICODE", raw("Bytes", [0x63, 0x61, 0x66, 0xe9], "latin1").path);
  fails("NAME_NOT_UNICODE", raw("Bytes", [0x63, 0x61, 0x66, 0xea], "latin1 again").path);
  fails("NAME_NOT_UNICODE", raw("Bytes", [0xed, 0xa0, 0x80], "half a surrogate pair").path);
  const bytesFolder = raw("Bytes", [0xff, 0xfe]);
  writeFileSync(Buffer.concat([bytesFolder.full, Buffer.from("/below.txt")]), "below");
  fails("NAME_NOT_UNICODE", bytesFolder.path);
  fails("PARENT_NOT_MIGRATED", `${bytesFolder.path}/below.txt`);

  // What has no content, or not here.
  folder("Special");
  symlinkSync("../Names/.hidden", at("Special/link to a file"));
  symlinkSync("../Names", at("Special/link to a folder"));
  symlinkSync("nowhere", at("Special/dangling link"));
  symlinkSync("loop", at("Special/loop"));
  symlinkSync("..", at("Special/link to above"));
  symlinkSync("/etc", at("=link.txt"));
  skipped("SYMBOLIC_LINK", "=link.txt");
  for (const name of [
    "link to a file",
    "link to a folder",
    "dangling link",
    "loop",
    "link to above",
  ])
    skipped("SYMBOLIC_LINK", `Special/${name}`);
  spawnSync("mkfifo", [at("Special/pipe")]);
  const server = createServer().listen(at("Special/socket"));
  await once(server, "listening");
  server.unref();
  skipped("NOT_A_FILE", "Special/pipe", "Special/socket");

  // Sizes and folders.
  file("Sizes/zero bytes.txt", "");
  file("Sizes/one byte.bin", "1");
  for (const size of [15, 16, 17, 102_383, 102_384, 102_399, 102_400, 262_144, 262_145, 3_000_000])
    file(`Sizes/${size} bytes.bin`, pseudoRandom(size, size));
  folder("Empty folder");
  folder("Nested/empty/folders/down/to/here");
  file("a/z.txt");
  file("a b/in the folder whose name goes on after a.txt");
  file("a-b.txt");

  // Enough for several packages, and one file that is sent in blocks.
  for (let number = 0; number < SMALL_FILES; number++)
    file(`Many/${number % 20}/File ${number}.txt`, pseudoRandom((number * 37) % 3_000, number));
  largeFile(file("Sizes/larger than one request.bin", ""), 300_000_000);

  for (const [path, date] of [
    ["Times/1905.txt", Date.UTC(1905, 5, 6, 7, 8, 9)],
    ["Times/1969.txt", Date.UTC(1969, 11, 31, 23, 59, 59)],
    ["Times/1970.txt", 0],
    ["Times/1999.txt", Date.UTC(1999, 11, 31, 23, 59, 59, 999)],
    ["Times/half a second.txt", Date.UTC(2020, 1, 29, 12, 0, 0, 500)],
    ["Times/future.txt", Date.UTC(2100, 0, 1)],
    ["Times/far future.txt", Date.UTC(2400, 0, 1)],
  ] as const)
    utimesSync(at(file(path)), date / 1000, date / 1000);
  file("Times/old folder/new file.txt");
  utimesSync(at("Times/old folder"), 981_173_106, 981_173_106);

  function largeFile(path: string, size: number): void {
    const handle = openSync(at(path), "w");
    for (let written = 0; written < size; ) {
      const count = Math.min(10_000_000, size - written);
      written += writeSync(handle, pseudoRandom(count, written));
    }
    closeSync(handle);
  }

  const unreadable = new Set(["Locked/no folder to read"]);
  file("Locked/no file to read.txt");
  file("Locked/no folder to read/never seen.txt");
  file("Locked/names only/a.txt");
  file("Locked/names only/b/never seen.txt");
  fails("SOURCE_ACCESS_DENIED", "Locked/no file to read.txt", "Locked/no folder to read");
  fails("SOURCE_ACCESS_DENIED", "Locked/names only/a.txt", "Locked/names only/b");
  unreadable.add("Locked/names only/b");

  return {
    expected,
    unreadable,
    lock() {
      chmodSync(at("Locked/no file to read.txt"), 0);
      chmodSync(at("Locked/no folder to read"), 0);
      chmodSync(at("Locked/names only"), 0o444);
    },
    dispose: () => void server.close(),
  };
}

/** Bytes that neither compress nor repeat, the same for the same seed. */
export function pseudoRandom(size: number, seed: number): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed);
  return createCipheriv("aes-128-ctr", Buffer.alloc(16), iv).update(Buffer.alloc(size));
}
