import type { DurableOptions } from "./options.ts";

/** URLs of the webhook API, as `createCheckStatusResponse` and the durableClient binding carry them. */
export interface DurableLinks {
  /** Management URLs of one instance; `origin` is that of the request being answered. */
  management(origin: string, id: string): ManagementUrls;
  /** Value of a durableClient input binding: a JSON string. */
  clientBinding(): string;
}

export type ManagementUrls = Record<
  | "id"
  | "statusQueryGetUri"
  | "sendEventPostUri"
  | "terminatePostUri"
  | "rewindPostUri"
  | "purgeHistoryDeleteUri"
  | "restartPostUri"
  | "suspendPostUri"
  | "resumePostUri",
  string
>;

export function createLinks({ hubName }: DurableOptions, port: number, key: string): DurableLinks {
  const origin = `http://localhost:${port}`;
  const webhooks = "/runtime/webhooks/durabletask";
  const management = (base: string, id: string): ManagementUrls => {
    const instance = `${base}${webhooks}/instances/${encodeURIComponent(id)}`;
    const query = `taskHub=${hubName}&connection=Storage&code=${key}`;
    return {
      id,
      statusQueryGetUri: `${instance}?${query}`,
      sendEventPostUri: `${instance}/raiseEvent/{eventName}?${query}`,
      terminatePostUri: `${instance}/terminate?reason={text}&${query}`,
      rewindPostUri: `${instance}/rewind?reason={text}&${query}`,
      purgeHistoryDeleteUri: `${instance}?${query}`,
      restartPostUri: `${instance}/restart?${query}`,
      suspendPostUri: `${instance}/suspend?reason={text}&${query}`,
      resumePostUri: `${instance}/resume?reason={text}&${query}`,
    };
  };
  const create = `${origin}${webhooks}/orchestrators/{functionName}[/{instanceId}]`;
  const wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}";
  const binding = JSON.stringify({
    taskHubName: hubName,
    connectionName: null,
    creationUrls: {
      createNewInstancePostUri: `${create}?code=${key}`,
      createAndWaitOnNewInstancePostUri: `${create}?${wait}&code=${key}`,
    },
    managementUrls: management(origin, "INSTANCEID"),
    baseUrl: `${origin}${webhooks}`,
    requiredQueryStringParameters: `code=${key}`,
    // With this the SDK talks to the loopback endpoint instead of the webhooks.
    rpcBaseUrl: `http://127.0.0.1:${port}/durabletask/`,
  });
  return { management, clientBinding: () => binding };
}
