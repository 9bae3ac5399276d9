import { channel } from "node:diagnostics_channel";
import { newId } from "../../functions/domain/ids.ts";
import { actOnTasks } from "../../functions/operations/tasks/actOnTasks.ts";
import type { TaskAction } from "../../shared/contracts/taskActions.ts";
import { noteClient } from "../../test/support/durable-client.ts";
import { task } from "../../test/support/records.ts";
import { buildServices, startSurroundings } from "../../test/support/services.ts";

export interface ActionFigure {
  action: string;
  tasks: number;
  ms: number;
  /** Of this process: on a busy machine it says more than the time that went by. */
  cpuMs: number;
  /** All requests to storage. */
  requests: number;
}

/** Acts on all tasks of a session, page after page, as `POST …/actions` does: with twenty at once, the others are Queued. */
export async function benchActions(count: number): Promise<ActionFigure[]> {
  const around = await startSurroundings();
  const services = await buildServices(around);
  const app = { ...services, config: { ...services.config, TASKS_AT_ONCE: 20 } };
  const { client } = noteClient();
  const sessionId = newId(8);
  let requests = 0;
  const countRequest = () => {
    requests++;
  };
  channel("http.client.request.start").subscribe(countRequest);
  const figures: ActionFigure[] = [];
  const measure = async (action: string, work: () => Promise<number>) => {
    const [began, before, cpu] = [performance.now(), requests, process.cpuUsage()];
    const tasks = await work();
    const { user, system } = process.cpuUsage(cpu);
    const ms = performance.now() - began;
    figures.push({ action, tasks, ms, cpuMs: (user + system) / 1000, requests: requests - before });
  };
  const act = (action: TaskAction, filter: object) =>
    measure(action, async () => {
      let done = 0;
      for (let after: string | undefined; ; ) {
        const caller = { id: "bench", name: "bench", role: "operator" as const };
        const page = await actOnTasks(app, client, sessionId, { action, filter, after }, caller);
        done += page.results.filter(({ ok }) => ok).length;
        if (page.next === undefined) return done;
        after = page.next;
      }
    });
  await measure("create", async () => {
    const tasks = Array.from({ length: count }, (_, n) =>
      task({
        ...{ id: `${sessionId}-${newId(8)}`, sessionId, state: "Scheduled", order: n },
        ...{ name: `Share ${(n * 7919) % count}`, source: `/srv/${n}`, tags: [`t${n % 10}`] },
      }),
    );
    await app.tasks.createMany(sessionId, tasks);
    return count;
  });
  await act("run", {});
  await act("pause", { state: ["Queued"] });
  await act("resume", { state: ["Paused"] });
  await act("cancel", { state: ["Queued"] });
  await act("delete", { state: ["Cancelled"] });
  channel("http.client.request.start").unsubscribe(countRequest);
  await services.close();
  await around.stop();
  return figures;
}
