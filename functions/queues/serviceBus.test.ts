import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { expect, it } from "@jest/globals";
import { openCertificate } from "../../local/certificate.ts";

// Late: Jest 30 cannot require() CommonJS while it links the modules that import it.
const load = () => import("./serviceBus.ts");

it.each([
  ["contoso.servicebus.windows.net", "contoso.servicebus.windows.net"],
  ["sb://contoso.servicebus.windows.net/", "contoso.servicebus.windows.net"],
  ["Endpoint=sb://contoso.servicebus.windows.net/", "contoso.servicebus.windows.net"],
  ["Endpoint=sb://c.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b", undefined],
])("%s names the namespace of an app that has no key", async (setting, namespace) => {
  const { namespaceOf, openServiceBus } = await load();
  expect(namespaceOf(setting)).toBe(namespace);
  const client = openServiceBus(setting, { getToken: async () => null }, {});
  expect(client.fullyQualifiedNamespace).toBe(namespace ?? "c.servicebus.windows.net");
  await client.close();
});

it("queues are made with a token of the app's own identity", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tls-"));
  const { key, cert } = await openCertificate(folder);
  tls.setDefaultCACertificates([...tls.getCACertificates("bundled"), cert]);
  const seen: (string | undefined)[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const scopes: unknown[] = [];
  const credential = {
    getToken: async (scope: string | string[]) => {
      scopes.push(scope);
      return { token: "of the app", expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const { port } = server.address() as AddressInfo;
  const { openServiceBusAdministration } = await load();
  const admin = openServiceBusAdministration(`127.0.0.1:${port}`, credential);
  await expect(admin.createQueue("work-default")).rejects.toMatchObject({ statusCode: 401 });
  expect(seen).toContain("Bearer of the app");
  expect([scopes.flat()].flat()).toContain("https://servicebus.azure.net//.default");
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  rmSync(folder, { recursive: true });
});
