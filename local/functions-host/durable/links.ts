import { randomBytes } from "node:crypto";

export const WEBHOOK_PATH = "/runtime/webhooks/durabletask/";

/** URLs of the webhook API, as `createCheckStatusResponse` and the durableClient binding carry them. */
export interface DurableLinks {
  /** Management URLs of one instance; `origin` is that of the request being answered. */
  management(origin: string, id: string): Record<string, string>;
  /** Value of a durableClient input binding: a JSON string. */
  clientBinding: string;
  /** Path of the endpoint that durableClient bindings use; needs no key, because nobody else knows it. */
  rpcPath: string;
}

/** `key` opens the webhooks. */
export function createLinks(hubName: string, port: number, key: string): DurableLinks {
  const origin = `http://localhost:${port}`;
  // On Azure a listener of its own on the loopback interface. Here it shares the public port, which a
  // tunnel or a web page in a local browser can reach: the path has to be a secret.
  const rpcPath = `/durabletask/${randomBytes(24).toString("base64url")}/`;
  const management = (base: string, id: string): Record<string, string> => {
    const instance = `${base}${WEBHOOK_PATH}instances/${encodeURIComponent(id)}`;
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
  const create = `${origin}${WEBHOOK_PATH}orchestrators/{functionName}[/{instanceId}]?code=${key}`;
  const wait = "&timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}";
  const clientBinding = JSON.stringify({
    taskHubName: hubName,
    connectionName: null,
    creationUrls: {
      createNewInstancePostUri: create,
      createAndWaitOnNewInstancePostUri: create + wait,
    },
    managementUrls: management(origin, "INSTANCEID"),
    baseUrl: origin + WEBHOOK_PATH.slice(0, -1),
    requiredQueryStringParameters: `code=${key}`,
    // With this the SDK talks to the loopback endpoint instead of the webhooks.
    rpcBaseUrl: `http://127.0.0.1:${port}${rpcPath}`,
  });
  return { management, clientBinding, rpcPath };
}
