import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pseudoRandom } from "./ugly-tree.ts";

/** Fills `root` with small files in 40 folders and some of 300 KB, none of which can fail. Returns how many items that are. */
export function makePlainTree(root: string, files: number): number {
  const folders = new Set<string>();
  for (let number = 0; number < files; number++) {
    const path = join(root, `folder ${number % 40}`, `file ${number}.bin`);
    folders.add(dirname(path));
    mkdirSync(dirname(path), { recursive: true });
    const size = number % 100 === 0 ? 300_000 : (number * 37) % 9_000;
    writeFileSync(path, pseudoRandom(size, number));
  }
  return files + folders.size;
}
