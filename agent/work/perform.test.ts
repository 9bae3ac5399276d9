import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Azurite, startAzurite } from "../../test/support/azurite.ts";
import { createPerformer } from "./perform.ts";

let azurite: Azurite;
let source: string;

beforeAll(async () => {
  azurite = await startAzurite();
  source = mkdtempSync(join(tmpdir(), "share-"));
  writeFileSync(join(source, "a.txt"), "a");
});
afterAll(async () => {
  rmSync(source, { recursive: true });
  await azurite.stop();
});

async function scan(change: (url: string) => string, expires?: Date): Promise<unknown> {
  const container = await azurite.container("inventory");
  const perform = createPerformer([]);
  return perform(
    {
      ...{ kind: "scan", source, blobPrefix: "e1", segmentItems: 10, segmentBytes: 1_000 },
      containerUrl: change(azurite.sasUrl(container, "cw", expires)),
    },
    { items: 0, bytes: 0, yielding: false, segmentWritten: () => undefined },
    new AbortController().signal,
  );
}

it("gives a walk back whose SAS is over, so that it is claimed again with a new one", async () => {
  const past = new Date(Date.now() - 60_000);
  await expect(scan((url) => url, past)).rejects.toMatchObject({ name: "WorkInterrupted" });
});

it("fails a walk that may not write for another reason: nobody else may either", async () => {
  const forged = (url: string) => url.replace(/sig=[^&]+/, "sig=AAAA");
  await expect(scan(forged)).rejects.toMatchObject({ code: "UPLOAD_FAILED" });
});
