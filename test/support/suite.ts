import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { type Answer, type AnsweringServer, answering } from "./answering.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "./services.ts";
import { startStorage, type TestStorage } from "./storage.ts";

/*
 * What a suite starts for itself and what ends with it, so that no suite has to say so: `const { app } = controlPlane();` at the top
 * is all. Nothing is started for a suite of which no test runs.
 */

/** Stands for what is there only when the tests run. */
export function live<T extends object>(there: () => T): T {
  return new Proxy({} as T, {
    get: (_none, name) => Reflect.get(there(), name),
    has: (_none, name) => Reflect.has(there(), name),
    ownKeys: () => Reflect.ownKeys(there()),
    getOwnPropertyDescriptor: (_none, name) => {
      const found = Reflect.getOwnPropertyDescriptor(there(), name);
      // A rule of proxies: what their own object does not have must be configurable.
      return found && { ...found, configurable: true };
    },
  });
}

/** What `start` makes before the first test, and `stop` ends after the last. */
export function started<T extends object>(
  start: () => Promise<T>,
  stop?: (value: T) => Promise<unknown>,
): T {
  let value: T | undefined;
  beforeAll(async () => {
    value = await start();
  });
  afterAll(async () => {
    if (value) await stop?.(value);
  });
  return live(() => {
    if (!value) throw new Error("this is there when the tests run, not before");
    return value;
  });
}

export const suiteStorage = (options?: Parameters<typeof startStorage>[0]): TestStorage =>
  started(
    () => startStorage(options),
    (storage) => storage.stop(),
  );

export const suiteSurroundings = (
  options?: Parameters<typeof startSurroundings>[0],
): Surroundings =>
  started(
    () => startSurroundings(options),
    (around) => around.stop(),
  );

/** The control plane's services, on surroundings of their own. */
export function controlPlane(options?: Parameters<typeof startSurroundings>[0]): {
  around: Surroundings;
  app: TestServices;
} {
  const plane = started(
    async () => {
      const around = await startSurroundings(options);
      return { around, app: await buildServices(around) };
    },
    async ({ around, app }) => {
      await app.close();
      await around.stop();
    },
  );
  return { around: live(() => plane.around), app: live(() => plane.app) };
}

/** Starts servers that answer as a test says; they end with it. */
export function testServers(): (answer: Answer) => Promise<AnsweringServer> {
  const open: AnsweringServer[] = [];
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close();
  });
  return async (answer) => {
    const server = await answering(answer);
    open.push(server);
    return server;
  };
}
