import { createCipheriv } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const DEPARTMENTS = ["Finance", "Human Resources", "Projects", "Quality"];
const FILES_PER_DEPARTMENT = 9;
const SCRIPTS = [
  "Ünïcödé/Straße – Größe.txt",
  "Ünïcödé/Ελληνικά.txt",
  "Ünïcödé/Русский документ.txt",
  "Ünïcödé/日本語の資料.txt",
  "Ünïcödé/مستند عربي.txt",
  "Ünïcödé/emoji 🚀.txt",
];
/**
 * Makes a small share with what shares have in them: folders, an empty one, an empty file, old dates, a file of 5 MB,
 * names in several scripts and a link. All of it can be migrated: a first run that fails would worry people. Always the same,
 * byte for byte. Does nothing when it is there already.
 */
export function makeSampleShare(folder: string): void {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const bytes = pseudoRandomBytes(5_000_000);
  let number = 0;

  function file(path: string, content: string | Uint8Array) {
    const full = join(unfinished, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    utimesSync(full, sampleTime(number), sampleTime(number));
    number++;
  }

  for (const [index, department] of DEPARTMENTS.entries()) {
    for (let count = 0; count < FILES_PER_DEPARTMENT; count++) {
      const year = 1999 + 3 * count + index;
      const size = 200 * (count + 1) ** 4;
      file(
        `${department}/${year}/Report ${year}.bin`,
        bytes.subarray(count, count + (size % 90_000)),
      );
    }
  }
  for (const path of SCRIPTS) file(path, `${path}\n`);
  file("Projects/Zero bytes.txt", "");
  file("Projects/Drawing, 5 MB.bin", bytes);
  file(
    "Read me.txt",
    "A sample share. Change something, or add a file that SharePoint refuses (a:b.txt), and run it again.\n",
  );
  mkdirSync(join(unfinished, "Empty folder"));
  link("Read me.txt", join(unfinished, "Link to the read me"));
  for (const department of DEPARTMENTS) {
    utimesSync(join(unfinished, department), sampleTime(number), sampleTime(number));
  }
  renameSync(unfinished, folder);
}

/** Eleven weeks apart from 1 January 2001 on. */
const sampleTime = (number: number) => new Date(Date.UTC(2001, 0, 1 + 77 * number, 12));

function pseudoRandomBytes(count: number): Uint8Array {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(count));
}

function link(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    // Windows lets only administrators make links; the sample does without it there.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
