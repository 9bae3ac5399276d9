import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApi, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
}, 60_000);
afterAll(() => api?.stop());

describe("a creation whose process is killed", () => {
  it("is done once by whoever repeats it with its key", async () => {
    const { id: session } = (await api.post("v1/sessions", { name: "killed" })).json;
    const path = `v1/sessions/${session}/tasks`;
    const create = (delay: number) => {
      const destination = { siteUrl: api.surroundings.siteUrl, library: "Documents" };
      const body = { name: `killed after ${delay}`, source: `/srv/${delay}`, destination };
      return api.post(path, body, { headers: { "idempotency-key": `key-${delay}` } });
    };
    const delays = [3, 15, 40, 90];
    for (const delay of delays) {
      const cutOff = create(delay).catch(() => undefined);
      await sleep(delay);
      await api.killAndRestart();
      await cutOff;
    }
    // The first repetitions find the requests noted as started, and take them up when they count as cut off.
    const answers = await Promise.all(delays.map(create));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(
      answers.map(({ text }) => [201, text]),
    );
    const ids = answers.map(({ json }) => json.id);
    const { tasks } = (await api.get(path)).json;
    expect(tasks.map(({ id }: { id: string }) => id).sort()).toEqual([...ids].sort());
    const again = await Promise.all(delays.map(create));
    expect(again.map(({ json }) => json.id)).toEqual(ids);
    expect((await api.get(path)).json.tasks).toHaveLength(delays.length);
  }, 90_000);
});
