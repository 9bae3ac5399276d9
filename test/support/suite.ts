import { afterAll, afterEach } from "@jest/globals";
import { type Answer, type AnsweringServer, answering } from "./answering.ts";
import {
  buildServices,
  type Surroundings,
  startSurroundings,
  type TestServices,
} from "./services.ts";
import { startStorage, type TestStorage } from "./storage.ts";

/*
 * What a suite starts for itself and what ends with it, so that no suite has to say so: `const { app } = await controlPlane();` at
 * the top is all.
 */

export async function suiteStorage(
  options?: Parameters<typeof startStorage>[0],
): Promise<TestStorage> {
  const storage = await startStorage(options);
  afterAll(() => storage.stop());
  return storage;
}

export async function suiteSurroundings(
  options?: Parameters<typeof startSurroundings>[0],
): Promise<Surroundings> {
  const around = await startSurroundings(options);
  afterAll(() => around.stop());
  return around;
}

/** The control plane's services, on surroundings of their own. */
export async function controlPlane(
  options?: Parameters<typeof startSurroundings>[0],
): Promise<{ around: Surroundings; app: TestServices }> {
  const around = await startSurroundings(options);
  const app = await buildServices(around);
  afterAll(async () => {
    await app.close();
    await around.stop();
  });
  return { around, app };
}

/** Starts servers that answer as a test says; they end with it. */
export function testServers(): (answer: Answer) => Promise<AnsweringServer> {
  const started: AnsweringServer[] = [];
  afterEach(async () => {
    for (const server of started.splice(0)) await server.close();
  });
  return async (answer) => {
    const server = await answering(answer);
    started.push(server);
    return server;
  };
}
