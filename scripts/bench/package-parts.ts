import { createArchive } from "../../shared/package/archive.ts";
import { createEncryptor } from "../../shared/package/cipher.ts";
import { itemIds } from "../../shared/package/ids.ts";
import {
  type PackageManifestInput,
  SYSTEM_ACCOUNT,
  writeManifests,
} from "../../shared/package/manifest/index.ts";
import { createQuickXorHash } from "../../shared/package/quick-xor-hash.ts";
import { checkName } from "../../shared/rules/names.ts";
import { comparePaths } from "../../shared/rules/paths.ts";

/*
 * What the pure parts of a package cost on one core: `node scripts/bench/package-parts.ts`. Median of 15 rounds after
 * 3 to warm up.
 */

const MB = 1024 * 1024;
const chunk = Buffer.alloc(8 * MB, "some content ");
const members = Array.from({ length: 250 }, (_, i) => Buffer.alloc(40_000, i));
const library = {
  siteId: "97a096a7-511a-510f-a779-c95127236b69",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
};
const paths = Array.from({ length: 10_000 }, (_, i) => `Reports/2025/Quarter 3/Budget ${i}.xlsx`);
const input = packageOf250();

const encryptor = createEncryptor(Buffer.alloc(32));
const quickXor = createQuickXorHash();
const place = { isFolder: false, atLibraryRoot: false };

throughput("encrypt + MD5", () => encryptor.update(chunk));
throughput("QuickXorHash", () => quickXor.update(chunk));
duration("archive of 250 x 40 kB", 1, "ms", () => {
  const archive = createArchive();
  for (const [i, data] of members.entries()) archive.tryAdd(`${i}.dat`, data);
  Buffer.concat([...archive.pieces()]);
});
duration("manifests of 250 files", 1, "ms", () => writeManifests(input));
duration("itemIds", paths.length, "us", () => {
  for (const path of paths) itemIds(library, path);
});
duration("comparePaths", paths.length, "us", () => {
  for (const path of paths) comparePaths(path, "Reports/2025/Quarter 3/Budget 9999.xlsx");
});
duration("checkName", paths.length, "us", () => {
  for (const path of paths) checkName(path.slice("Reports/2025/Quarter 3/".length), place);
});

function throughput(what: string, run: () => unknown): void {
  report(what, chunk.length / MB / (median(run) / 1000), "MB/s");
}

function duration(what: string, count: number, unit: "ms" | "us", run: () => unknown): void {
  report(what, (median(run) / count) * (unit === "us" ? 1000 : 1), unit);
}

function median(run: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < 18; round++) {
    const start = performance.now();
    run();
    if (round >= 3) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[7] as number;
}

function report(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(28)}${value.toPrecision(3).padStart(10)} ${unit}`);
}

function packageOf250(): PackageManifestInput {
  const user = { authorId: SYSTEM_ACCOUNT.id, editorId: SYSTEM_ACCOUNT.id };
  const rootFolderId = "ab714ccd-9960-59ad-afab-80b5fcca4745";
  return {
    target: {
      siteUrl: "/sites/finance",
      webId: library.siteId,
      webUrl: "/sites/finance",
      webRootFolderId: "26bb3079-c9ad-5a0d-bd2b-153237fa85e9",
      listId: library.listId,
      listTitle: "Documents",
      rootFolderId,
      rootFolderUrl: "/sites/finance/Shared Documents",
    },
    sourceLocation: "\\\\fs01\\finance",
    folders: [],
    files: Array.from({ length: 250 }, (_, i) => ({
      ...itemIds(library, `Budget & more ${i}.xlsx`),
      ...user,
      intId: i,
      path: `Budget & more ${i}.xlsx`,
      parentId: rootFolderId,
      created: 1_700_000_000_000,
      modified: 1_700_000_000_000,
      size: 40_000,
      fileValue: `${i}.dat`,
      md5: "K3bHh8Xp2S1Sd+K5z9beIg==",
      iv: "cBzLE2dYYycpr4tMr+YtDQ==",
    })),
    users: [],
    archives: [],
  };
}
