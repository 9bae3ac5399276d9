import { describe, expect, it } from "@jest/globals";
import { sharePointClient } from "../../test/support/sharePointClient.ts";
import { isFatal, isTerminal } from "./jobEvents.ts";

const { around, destination, target, answering, packageOf, ended } = sharePointClient();

describe("a job", () => {
  it("is submitted, followed page by page, and told from the beginning", async () => {
    const pkg = await packageOf("one.txt", "sub/two.txt");
    const job = await destination.submit(target, pkg.files);
    expect(job).toMatch(/^[0-9a-f-]{36}$/);
    await ended(job);
    const events = await destination.events(target, job);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["JobQueued", "JobStart", "JobEnd"]),
    );
    const end = events.find(({ event }) => event === "JobEnd");
    expect(end).toMatchObject({ filesCreated: 2, totalErrors: 0 });
    const first = await destination.progress(target, job, "0");
    const nothingNew = await destination.progress(target, job, first?.token as string);
    expect(nothingNew).toEqual({ events: [], token: first?.token });
  });

  it("is over when SharePoint says so, also when its end is never told", async () => {
    await around.faults({ dropJobEnd: true });
    const { files } = await packageOf("three.txt");
    const job = await destination.submit(target, files);
    while (!(await destination.isOver(target, job)))
      await new Promise((done) => setTimeout(done, 25));
    const events = await destination.events(target, job);
    expect(events.some(isTerminal)).toBe(false);
  });

  it("is taken back before it starts", async () => {
    const { files } = await packageOf("taken-back.txt");
    await around.faults({ startDelayMs: 60_000 });
    const job = await destination.submit(target, files);
    expect(await destination.isOver(target, job)).toBe(false);
    expect(await destination.cancelJob(target, job)).toBe(true);
    expect(await destination.isOver(target, job)).toBe(true);
    const events = await destination.events(target, job);
    expect(events.some(isFatal)).toBe(true);
    expect(await destination.findFile(target, "taken-back.txt")).toBeUndefined();
    expect(await destination.cancelJob(target, job)).toBe(false);
  });

  it.each([
    [200, { value: true }, true],
    [200, { d: { DeleteMigrationJob: true } }, true],
    [200, { d: { DeleteMigrationJob: "false" } }, false],
    [404, {}, false],
    [500, { error: { code: "-2147213145, Microsoft.SharePoint.SPException" } }, false],
  ])("says by %i %j whether it was taken back", async (status, body, gone) => {
    expect(await destination.cancelJob(await answering({ status, body }), "j")).toBe(gone);
  });

  it("that SharePoint does not know is undefined, at once", async () => {
    const unknown = "11111111-1111-4111-8111-111111111111";
    expect(await destination.progress(target, unknown, "0")).toBeUndefined();
    expect(await destination.events(target, unknown)).toEqual([]);
    expect(await destination.isOver(target, unknown)).toBe(true);
  });

  it("whose news have expired is undefined, too", async () => {
    const there = await answering({
      status: 500,
      body: {
        error: {
          code: "-2147213146, Microsoft.SharePoint.SPException",
          message: { lang: "en-US", value: "Job status expired" },
        },
      },
    });
    expect(await destination.progress(there, "j", "7")).toBeUndefined();
  });

  it("that cannot be asked about is not over", async () => {
    const there = await answering({ status: 404, body: {} });
    expect(await destination.isOver(there, "j")).toBe(false);
  });

  it("is refused with containers that were used already, without a second try", async () => {
    const { files } = await packageOf("four.txt");
    await destination.submit(target, files);
    const again = destination.submit(target, files);
    await expect(again).rejects.toMatchObject({ code: "SUBMIT_FAILED" });
    await expect(again).rejects.toThrow(/already used by migration job .* \(HTTP 400\)/);
  });

  it("is submitted once: no answer, or a broken one, is not asked for again", async () => {
    let requests = 0;
    const there = await answering(() =>
      ++requests === 1 ? undefined : { status: 502, body: "bad gateway" },
    );
    const { files } = await packageOf("five.txt");
    await expect(destination.submit(there, files)).rejects.toMatchObject({
      code: "DESTINATION_UNREACHABLE",
    });
    expect(requests).toBe(1);
    await expect(destination.submit(there, files)).rejects.toMatchObject({
      code: "SUBMIT_FAILED",
    });
    expect(requests).toBe(2);
  });

  it("that is refused says neither key nor signature, however SharePoint quotes them", async () => {
    const { files } = await packageOf("six.txt");
    const there = await answering((_request, body) => {
      const value = `cannot use ${JSON.stringify(body).replaceAll('"', "'")}`;
      return { status: 400, body: { error: { message: { value } } } };
    });
    const error = (await destination.submit(there, files).catch((reason) => reason)) as Error;
    expect(error.message).toContain("cannot use");
    expect(error.message).not.toContain(files.key);
    expect(error.message).not.toContain(new URL(files.dataUrl).searchParams.get("sig"));
    for (const url of [files.dataUrl, files.manifestUrl])
      expect(error.message).not.toContain(/sig=([^&]+)/.exec(url)?.[1]);
  });

  it.each([401, 403])("refused with %i is a matter of rights", async (status) => {
    const there = await answering({ status, body: {} });
    const { files } = await packageOf("seven.txt");
    await expect(destination.submit(there, files)).rejects.toMatchObject({
      code: "DESTINATION_ACCESS_DENIED",
    });
  });
});

describe("the verbose form of OData", () => {
  const d = (value: unknown) => ({ status: 200, body: { d: value } });

  it("is understood for progress, whose logs are wrapped", async () => {
    const there = await answering(
      d({
        GetMigrationJobProgress: {
          __metadata: { type: "SP.MigrationJobProgress" },
          Logs: { __metadata: { type: "Collection(Edm.String)" }, results: ['{"Event":"JobEnd"}'] },
          NextToken: 1764,
        },
      }),
    );
    const page = await destination.progress(there, "j", "0");
    expect(page).toMatchObject({ token: "1764", events: [{ event: "JobEnd" }] });
  });

  it.each([
    ["nometadata", { value: "3E280EFA-78A3-4BA1-BAC6-E447AA538CA5" }],
    ["verbose", { d: { CreateMigrationJobEncrypted: "3e280efa-78a3-4ba1-bac6-e447aa538ca5" } }],
  ])("names the new job in %s, too", async (_form, body) => {
    const there = await answering({ status: 200, body });
    const { files } = await packageOf("eight.txt");
    expect(await destination.submit(there, files)).toBe("3e280efa-78a3-4ba1-bac6-e447aa538ca5");
  });

  it.each([{ value: "00000000-0000-0000-0000-000000000000" }, { value: null }, {}])(
    "%j names no job",
    async (body) => {
      const there = await answering({ status: 200, body });
      const { files } = await packageOf("nine.txt");
      await expect(destination.submit(there, files)).rejects.toMatchObject({
        code: "SUBMIT_FAILED",
      });
    },
  );

  it.each([
    [{ value: 0 }, true],
    [{ value: 2 }, false],
    [{ value: 4 }, false],
    [{ d: { GetMigrationJobStatus: 0 } }, true],
    [{ d: { GetMigrationJobStatus: 4 } }, false],
  ])("says in %j whether a job is over", async (body, over) => {
    expect(await destination.isOver(await answering({ status: 200, body }), "j")).toBe(over);
  });
});
