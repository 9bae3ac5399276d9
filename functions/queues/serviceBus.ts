import type { TokenCredential } from "@azure/identity";
import {
  ServiceBusAdministrationClient,
  ServiceBusClient,
  type ServiceBusClientOptions,
} from "@azure/service-bus";

/**
 * The namespace of a setting that only says where it is, "contoso.servicebus.windows.net" or a connection string without a key: the
 * app then uses it under its own identity. Undefined for a connection string with a key.
 */
export function namespaceOf(setting: string): string | undefined {
  if (/SharedAccess(Key|Signature)=/i.test(setting)) return undefined;
  const endpoint = /(?:^|;)Endpoint=([^;]+)/i.exec(setting)?.[1] ?? setting;
  return endpoint.replace(/^\w+:\/\//, "").replace(/\/.*$/, "");
}

export function openServiceBus(
  setting: string,
  credential: TokenCredential,
  options: ServiceBusClientOptions,
): ServiceBusClient {
  const namespace = namespaceOf(setting);
  return namespace === undefined
    ? new ServiceBusClient(setting, options)
    : new ServiceBusClient(namespace, credential, options);
}

export function openServiceBusAdministration(
  setting: string,
  credential: TokenCredential,
): ServiceBusAdministrationClient {
  const options = {
    retryOptions: { maxRetries: 2, retryDelayInMs: 500, maxRetryDelayInMs: 2_000 },
  };
  const namespace = namespaceOf(setting);
  return namespace === undefined
    ? new ServiceBusAdministrationClient(setting, options)
    : new ServiceBusAdministrationClient(namespace, credential, options);
}
