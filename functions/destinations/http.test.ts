import { afterEach, describe, expect, it } from "@jest/globals";
import { newBudget, sharePointClient } from "../../test/support/sharePointClient.ts";
import { SharePointDestination } from "./sharePoint.ts";

const { around, destination, target, resolve, answering } = sharePointClient();
const { fetch } = globalThis;
afterEach(() => {
  globalThis.fetch = fetch;
});

describe("requests", () => {
  it("wait when they are throttled, for as long as SharePoint says", async () => {
    let throttled = 0;
    const times: number[] = [];
    const there = await answering(() => {
      times.push(performance.now());
      if (throttled++ > 0) return { status: 200, body: { UniqueId: "ABC" } };
      return { status: 429, headers: { "retry-after": "1" }, body: "" };
    });
    expect(await destination.findFolder(there, "a")).toBe("abc");
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(990);
  });

  it("get through a SharePoint that throttles one in ten", async () => {
    await around.faults({ throttleRate: 0.1, retryAfterSeconds: 0 });
    for (let n = 0; n < 10; n++) expect((await resolve()).listId).toBe(target.listId);
  });

  it("are not slept through for long: the caller hears until when to wait, and nobody else asks meanwhile", async () => {
    let asked = 0;
    const there = await answering(() => {
      asked++;
      return { status: 503, headers: { "retry-after": "300" }, body: "" };
    });
    const began = Date.now();
    const first = await destination.findFolder(there, "a").catch((error) => error);
    expect(first).toMatchObject({ code: "THROTTLED" });
    const until = Date.parse(/until (\S+)$/.exec(first.message)?.[1] ?? "");
    expect(until - began).toBeGreaterThan(299_000);
    expect(until).toBeLessThan(Date.now() + 305_000);
    expect(asked).toBe(1);
    await expect(destination.findFolder(there, "b")).rejects.toMatchObject({
      code: "THROTTLED",
    });
    expect(asked).toBe(1);
    expect(await destination.throttledUntil(there.origin)).toBe(new Date(until).toISOString());
    expect(await destination.throttledUntil(target.origin)).toBeUndefined();
  });

  it("stop before SharePoint has to refuse one, in all processes of the app together", async () => {
    const budget = await newBudget(around.storage.connection);
    const crowd = [1, 2, 3].map(() => new SharePointDestination(around.credential, budget));
    await around.faults({ callsPerMinute: 40 });
    let sent = 0;
    let refused = 0;
    globalThis.fetch = async (...of) => {
      const response = await fetch(...of);
      if (response.status === 429) refused++;
      return response;
    };
    const told = new Set<SharePointDestination>();
    for (let turn = 0; told.size < crowd.length; turn++) {
      const each = crowd[turn % crowd.length] as SharePointDestination;
      if (told.has(each)) continue;
      await each.findFolder(target, "nowhere").then(
        () => sent++,
        (error: { code: string }) => {
          expect(error.code).toBe("THROTTLED");
          told.add(each);
        },
      );
    }
    expect({ sent, refused }).toEqual({ sent: 40, refused: 0 });
    for (const each of crowd) expect(await each.throttledUntil(target.origin)).toBeDefined();
  });

  it("carry a token and the decorated user agent", async () => {
    const seen: Record<string, unknown>[] = [];
    const there = await answering((request) => {
      seen.push(request.headers);
      return { status: 200, body: { UniqueId: "a" } };
    });
    await destination.findFolder(there, "a");
    expect(seen[0]).toMatchObject({
      ...{ authorization: expect.stringMatching(/^Bearer .{20,}/) },
      ...{
        accept: "application/json;odata=nometadata",
        "user-agent": expect.stringMatching(/^NONISV\|/),
      },
    });
  });

  it("ask for a token again when the identity fails once", async () => {
    let asked = 0;
    const shaky = {
      getToken: async (scopes: string | string[]) => {
        if (asked++ === 0) throw new Error("identity endpoint is starting");
        return around.credential.getToken(scopes);
      },
    };
    const client = new SharePointDestination(shaky, await newBudget(around.storage.connection));
    expect(await client.findFolder(target, "nowhere")).toBeUndefined();
    expect(asked).toBe(2);
  });
});
