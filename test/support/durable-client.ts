import type { DurableClient } from "durable-functions";

/** The two things that operations do with the task hub, noted down; `statuses` is what it knows of instances. */
export interface NotedClient {
  client: DurableClient;
  raised: { instance: string; event: string }[];
  started: { name: string; instanceId: string; input: unknown }[];
  statuses: Map<string, string>;
}

export function noteClient(): NotedClient {
  const noted: Omit<NotedClient, "client"> = { raised: [], started: [], statuses: new Map() };
  const client = {
    async raiseEvent(instance: string, event: string) {
      noted.raised.push({ instance, event });
    },
    async startNew(name: string, { instanceId, input }: { instanceId: string; input: unknown }) {
      noted.started.push({ name, instanceId, input });
      noted.statuses.set(instanceId, "Pending");
      return instanceId;
    },
    async getStatus(instanceId: string) {
      const runtimeStatus = noted.statuses.get(instanceId);
      if (runtimeStatus === undefined)
        throw new Error(
          "DurableClient error: Durable Functions extension replied with HTTP 404 response.",
        );
      if (runtimeStatus === "broken") throw new Error("connect ECONNREFUSED 127.0.0.1:1");
      return { instanceId, runtimeStatus };
    },
  };
  return { ...noted, client: client as unknown as DurableClient };
}
