import { spawn } from "node:child_process";
import { createCipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { BlockBlobClient } from "@azure/storage-blob";
import { removeFolder, startAzurite, stopProcess, temporaryFolder } from "./testing/azurite.ts";
import { client } from "./testing/client.ts";
import { packageOf } from "./testing/package-builder.ts";
import type { UploadedPackage } from "./testing/upload.ts";

/*
 * How fast the simulator imports: `node local/sharepoint/bench.ts [packages] [megabytes]`.
 * Times run from submission to the last JobEnd; making and uploading the packages is not in them.
 */

const PACKAGES = Number(process.argv[2] ?? 40);
const MEGABYTES = Number(process.argv[3] ?? 1024);
const FILES_PER_PACKAGE = 250;
const FILE_BYTES = 10_000;

const folder = await temporaryFolder();
const azurite = await startAzurite();
const main = fileURLToPath(new URL("main.ts", import.meta.url));
const library = `finance=Documents=${join(folder, "library")}`;
const simulator = spawn(
  process.execPath,
  [main, "--data", join(folder, "data"), "--library", library],
  { stdio: ["ignore", "pipe", "ignore"] },
);
const [line] = (await once(createInterface(simulator.stdout), "line")) as [string];
const finance = client(JSON.parse(line).url, "finance");
const ids = await finance.ids();

const archived = await smallFiles(PACKAGES, 0);
report("archived small files", PACKAGES * FILES_PER_PACKAGE, "files", await timed(archived));
const single = await smallFiles(Math.ceil(PACKAGES / 8), undefined);
report("small files, a blob each", single.length * FILES_PER_PACKAGE, "files", await timed(single));
report("one large file", MEGABYTES, "MB", await timed([await largeFile(MEGABYTES)]));

await stopProcess(simulator);
await azurite.stop();
await removeFolder(folder);

async function smallFiles(count: number, archive: number | undefined): Promise<UploadedPackage[]> {
  const packages: UploadedPackage[] = [];
  for (let i = 0; i < count; i++) {
    const name = archive === undefined ? `plain ${i}` : `archived ${i}`;
    const files = Array.from({ length: FILES_PER_PACKAGE }, (_, n) => ({
      path: `${name}/file ${n}.bin`,
      content: randomBytes(FILE_BYTES),
      ...(archive === undefined ? {} : { archive }),
    }));
    packages.push(await packageOf(azurite.service, ids, { folders: [{ path: name }], files }));
  }
  return packages;
}

/** Uploaded as one Put Blob, which Azurite takes (and gives back) faster than blocks. */
async function largeFile(megabytes: number): Promise<UploadedPackage> {
  const size = megabytes * 1_000_000;
  const path = "large.bin";
  const attributes = { FileSize: size, MD5Hash: null, InitializationVector: null };
  const pkg = await packageOf(azurite.service, ids, {
    files: [{ path, missing: true, attributes }],
  });
  const uri = new URL(pkg.uris("rw").data);
  uri.pathname += "/00000000.dat";
  const iv = randomBytes(16);
  const blob = new BlockBlobClient(uri.href);
  const stored = Readable.from(randomContent(size)).pipe(
    createCipheriv("aes-256-cbc", pkg.key, iv),
  );
  const storedSize = size + 16 - (size % 16);
  await blob.upload(() => stored, storedSize, { metadata: { IV: iv.toString("base64") } });
  await blob.createSnapshot();
  return pkg;
}

function* randomContent(size: number): Generator<Buffer> {
  const chunk = randomBytes(1_000_000);
  for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

async function timed(packages: UploadedPackage[]): Promise<number> {
  const started = performance.now();
  await Promise.all(
    packages.map(async (pkg) => {
      const { body } = await finance.submit(pkg, ids.webId);
      const events = await finance.follow(body.value, 600);
      const last = events.at(-1);
      if (last?.Event !== "JobEnd" || last.TotalErrors !== "0")
        throw new Error(JSON.stringify(events));
    }),
  );
  return (performance.now() - started) / 1000;
}

function report(what: string, amount: number, unit: string, seconds: number): void {
  process.stdout.write(
    `${what}: ${amount} ${unit} in ${seconds.toFixed(1)} s = ${Math.round(amount / seconds)} ${unit}/s\n`,
  );
}
