/** What a connection string for Service Bus lets its holder do, found out by doing it. */
export async function queueRights(connection: string, queue: string): Promise<string[]> {
  // Loaded when everything else is: jest cannot load its CommonJS build in the middle of the other SDKs' modules.
  const { ServiceBusClient } = await import("@azure/service-bus");
  const client = new ServiceBusClient(connection, {
    retryOptions: { timeoutInMs: 5_000, maxRetries: 0 },
  });
  const rights: string[] = [];
  const attempt = async (right: string, work: () => Promise<unknown>) => {
    try {
      await work();
      rights.push(right);
    } catch (error) {
      if ((error as { code?: string }).code !== "UnauthorizedAccess") throw error;
    }
  };
  try {
    const receiver = client.createReceiver(queue);
    await attempt("listen", () => receiver.receiveMessages(1, { maxWaitTimeInMs: 100 }));
    await attempt("send", () => client.createSender(queue).sendMessages({ body: "forged" }));
  } finally {
    await client.close();
  }
  return rights;
}
