import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pseudoRandom } from "../ugly-tree.ts";

const YEAR_2020 = Date.UTC(2020, 0, 1) / 1000;

export function write(root: string, path: string, content: string | Buffer): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

/** A modified time `days` after the beginning of 2020, so that nothing depends on the clock. */
export function setTime(root: string, path: string, days: number): void {
  const time = YEAR_2020 + days * 86_400;
  utimesSync(join(root, path), time, time);
}

export const documentPath = (number: number) => `Year ${2000 + (number % 9)}/Letter ${number}.docx`;

/**
 * A department's share: documents in folders by year, and what settings leave out: two files of types that nobody wants, and a
 * folder of copies.
 */
export function makeShare(root: string, documents: number): void {
  for (let number = 0; number < documents; number++) {
    write(root, documentPath(number), pseudoRandom((number * 131) % 7_000, number));
    setTime(root, documentPath(number), number % 300);
  }
  write(root, "Year 2001/unfinished.tmp", "tmp");
  write(root, "old.BAK", "backup");
  write(root, "Year 2002/cache/copy.docx", "copy");
  write(root, "Year 2002/cache/below/copy.docx", "another copy");
  mkdirSync(join(root, "Nothing in it"));
}

/**
 * The share that nobody has tidied up for years. Returns why items of it cannot be migrated, by path; `room`: characters that
 * SharePoint's limit of 400 leaves for a path below the destination folder.
 */
export function makeArchive(root: string, room: number): Map<string, string> {
  const troubles = new Map<string, string>();
  makeShare(root, 40);
  const trouble = (code: string, path: string, content = path) => {
    write(root, path, content);
    troubles.set(path, code);
  };
  // Names that differ by case: the first in byte order arrives.
  write(root, "Case/REPORT.txt", "capital");
  trouble("NAME_CASE_COLLISION", "Case/Report.txt", "mixed");
  trouble("NAME_CASE_COLLISION", "Case/report.txt", "small");
  write(root, "Case/Folder/a.txt", "a");
  trouble("PARENT_NOT_MIGRATED", "Case/folder/a.txt");
  trouble("PARENT_NOT_MIGRATED", "Case/folder/b.txt");
  troubles.set("Case/folder", "NAME_CASE_COLLISION");
  trouble("NAME_RESERVED", "CON");
  trouble("NAME_INVALID_CHARACTERS", "a:b.txt");
  // Exactly at the limit, and one character over it.
  const deep = `Deep/${"d".repeat(120)}`;
  const rest = room - deep.length - 1;
  write(root, `${deep}/${"x".repeat(rest)}`, "at the limit");
  trouble("PATH_TOO_LONG", `${deep}/${"y".repeat(rest + 1)}`);
  // Hidden files, and a folder with something in it.
  write(root, ".profile", "hidden");
  write(root, "Year 2003/.hidden/letter.docx", "below a hidden folder");
  symlinkSync("Case", join(root, "a link"));
  return troubles;
}
