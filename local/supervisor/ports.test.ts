import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { choosePorts } from "./ports.ts";
import { inTemporaryFolder } from "./test-support.ts";

async function occupied(port: number, work: () => Promise<void>): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  try {
    await work();
  } finally {
    server.close();
  }
}

describe("choosePorts", () => {
  it("records its choice and makes the same one again", () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "ports.json");
      const first = await choosePorts(file, ["a", "b"]);
      expect(new Set(Object.values(first)).size).toBe(2);
      for (const port of Object.values(first)) expect(port).toBeLessThan(32_768);
      expect(await choosePorts(file, ["a", "b"])).toEqual(first);
      expect(await choosePorts(file, ["c", "a"])).toMatchObject({ a: first.a });
    }));

  it("replaces a recorded port that was taken, unless stored data names it", () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "ports.json");
      const first = await choosePorts(file, ["a", "b"]);
      await occupied(first.a, async () => {
        await expect(choosePorts(file, ["a", "b"], { pinned: ["a"] })).rejects.toThrow(
          `Port ${first.a} is in use by another program`,
        );
        const second = await choosePorts(file, ["a", "b"]);
        expect(second.a).not.toBe(first.a);
        expect(second.b).toBe(first.b);
      });
    }));

  it("takes the port that was asked for or says that it is in use", () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, "ports.json");
      const { a } = await choosePorts(join(folder, "other.json"), ["a"]);
      writeFileSync(file, JSON.stringify({ api: a + 1 }));
      expect(await choosePorts(file, ["api"], { fixed: { api: a } })).toEqual({ api: a });
      await occupied(a, async () => {
        const wishes = { fixed: { api: a } };
        await expect(choosePorts(file, ["api"], wishes)).rejects.toMatchObject({
          message: `Port ${a} for api is in use by another program.`,
          remedy: expect.stringContaining("--port"),
        });
      });
    }));
});
