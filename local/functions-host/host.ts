import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdmin } from "./admin.ts";
import { type AppFunction, loadApp } from "./app-loader.ts";
import { CoreModule } from "./core-module.ts";
import { createDurableEngine, type DurableEngine } from "./durable/engine.ts";
import { DurableHttpApi } from "./durable/http-api.ts";
import { createLinks } from "./durable/links.ts";
import { readDurableOptions } from "./durable/options.ts";
import { Store } from "./durable/store.ts";
import { readHostConfig } from "./host-config.ts";
import { HttpFront, listen } from "./http-front.ts";
import { bufferedHttp } from "./http-message.ts";
import { createInvoker, type InputData } from "./invoker.ts";
import { exportKeys, loadKeys } from "./keys.ts";
import { createLog, describeError, type Log } from "./logger.ts";
import { createServiceBusTriggers } from "./service-bus-trigger.ts";
import { streamedHttp } from "./stream-proxy.ts";
import { createTimerTriggers } from "./timer-trigger.ts";

const CATEGORY = "Host.General";
/** How long a stopping host waits for functions under way. */
export const GRACE_MS = 10_000;

export interface HostOptions {
  /** Directory with package.json and host.json. */
  appDirectory: string;
  /** Where the database and keys.json live; created if missing. */
  dataDirectory: string;
  /** 0 picks a free one. */
  port: number;
}

export interface Host {
  url: string;
  log: Log;
  durable: DurableEngine;
  /** Lets functions under way finish, runs the `appTerminate` hooks and closes everything. */
  stop(): Promise<void>;
}

/** Starts a Functions host on 127.0.0.1 in this process; resolves when triggers are live. */
export async function startHost(options: HostOptions): Promise<Host> {
  const appDirectory = path.resolve(options.appDirectory);
  const dataDirectory = path.resolve(options.dataDirectory);
  const config = readHostConfig(appDirectory, process.env);
  const log = createLog(config.logging?.logLevel ?? {});
  const { store, release } = openStore(dataDirectory);
  const { server, port } = await listen(options.port).catch((error: unknown) => {
    release();
    throw error;
  });
  const url = `http://127.0.0.1:${port}`;
  // Without WEBSITE_HOSTNAME, durable-functions 3.5 rewrites every management URL to localhost:7071.
  process.env.WEBSITE_HOSTNAME = `localhost:${port}`;
  process.env.FUNCTIONS_WORKER_RUNTIME ??= "node";
  process.env.AZURE_FUNCTIONS_ENVIRONMENT ??= "Development";

  const core = new CoreModule(log);
  const invoke = createInvoker(core);
  const functions = await loadApp(core, appDirectory);
  const durableOptions = readDurableOptions(config.extensions?.durableTask);
  const keys = loadKeys(store);
  exportKeys(keys, path.join(dataDirectory, "keys.json"));
  const links = createLinks(durableOptions, port, keys.durable);
  const extraInputs = (target: AppFunction): InputData[] =>
    Object.entries(target.metadata.bindings)
      .filter(([, { type }]) => type === "durableClient" || type === "orchestrationClient")
      .map(([name]) => ({ name, data: { string: links.clientBinding() } }));

  const triggerParts = { functions, store, invoke, extraInputs, log, config };
  const durable = createDurableEngine({ store, options: durableOptions, functions, invoke, log });
  const timers = createTimerTriggers(triggerParts);
  const serviceBus = createServiceBusTriggers(triggerParts);
  const { HttpUri } = core.capabilities;
  const outstanding = () =>
    durable.active() + timers.active() + serviceBus.active() + front.active + manual;
  let manual = 0;
  const drain = () => {
    timers.stop();
    return serviceBus.stop();
  };
  const front: HttpFront = new HttpFront({
    functions,
    keys,
    log,
    routePrefix: config.extensions?.http?.routePrefix ?? "api",
    durable: new DurableHttpApi(durable.hub, durable.client, links),
    invokeHttp: HttpUri
      ? streamedHttp(HttpUri, invoke, extraInputs, log)
      : bufferedHttp(invoke, extraInputs, log),
    admin: createAdmin({
      functions,
      outstanding,
      isDraining: () => front.draining,
      drain: () => {
        front.draining = true;
        void drain();
      },
      fire: (target, input) => {
        if (target.trigger.type === "timerTrigger") timers.fire(target);
        else void runManually(target, input);
      },
    }),
  });

  async function runManually(target: AppFunction, input: string): Promise<void> {
    manual++;
    try {
      const { name } = { name: target.trigger.bindingName };
      const inputData = [{ name, data: { string: input } }, ...extraInputs(target)];
      await invoke(target, { inputData });
    } catch (error) {
      const message = `Executed 'Functions.${target.name}' (Failed): ${describeError(error)}`;
      log({ level: "error", category: `Function.${target.name}`, function: target.name, message });
    } finally {
      manual--;
    }
  }

  server.on("request", front.handle);
  durable.start();
  timers.start();
  serviceBus.start();
  log({
    level: "information",
    category: CATEGORY,
    message: `${functions.length} functions of ${appDirectory} run on ${url}`,
  });

  return {
    url,
    log,
    durable,
    async stop() {
      front.draining = true;
      durable.stop();
      await drain();
      // The listener stays open: functions under way may still call the Durable endpoints.
      const deadline = Date.now() + GRACE_MS;
      while (outstanding() > 0 && Date.now() < deadline) await sleep(10);
      if (outstanding() > 0) {
        const message = `${outstanding()} invocations did not end in time; activities run again after the next start`;
        log({ level: "warning", category: CATEGORY, message });
      }
      await core.runAppHooks("appTerminate");
      await serviceBus.close();
      server.close();
      server.closeAllConnections();
      store.close();
      release();
    },
  };
}

/** Opens the database of a data directory; fails with the owner's process id if another host has it. */
function openStore(dataDirectory: string): { store: Store; release: () => void } {
  mkdirSync(dataDirectory, { recursive: true });
  const pidFile = path.join(dataDirectory, "host.pid");
  try {
    const store = new Store(path.join(dataDirectory, "host.db"));
    writeFileSync(pidFile, String(process.pid));
    return { store, release: () => rmSync(pidFile, { force: true }) };
  } catch (error) {
    if (!/database is locked/.test(String(error))) throw error;
    let owner = "another process";
    try {
      owner = `process ${readFileSync(pidFile, "utf8")}`;
    } catch {
      // the file only serves this message
    }
    throw new Error(`${dataDirectory} is in use by ${owner}: one host per data directory`);
  }
}
