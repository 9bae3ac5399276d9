import path from "node:path";
import { createAdmin } from "./admin.ts";
import { loadApp } from "./app-loader.ts";
import { CoreModule } from "./core-module.ts";
import { openDataDirectory } from "./data-directory.ts";
import { createDurableEngine, type DurableEngine } from "./durable/engine.ts";
import { DurableHttpApi } from "./durable/http-api.ts";
import { createLinks } from "./durable/links.ts";
import { readDurableOptions } from "./durable/options.ts";
import { readHostConfig } from "./host-config.ts";
import { HttpFront } from "./http-front.ts";
import { bufferedHttp } from "./http-message.ts";
import { createInvoker } from "./invoker.ts";
import { loadKeys, setHostKey } from "./keys.ts";
import { settle, within } from "./lifecycle.ts";
import { listen } from "./listener.ts";
import { createLog, type Log } from "./logger.ts";
import { createServiceBusTriggers } from "./service-bus-trigger.ts";
import { streamedHttp } from "./stream-proxy.ts";
import { createTimerTriggers } from "./timer-trigger.ts";

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

/**
 * Starts a Functions host on 127.0.0.1 and loads the app into this process; resolves when all
 * triggers are live. A process can do this once: hooks and programming model belong to it.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const appDirectory = path.resolve(options.appDirectory);
  const config = readHostConfig(appDirectory, process.env);
  const log = createLog(config.logging?.logLevel ?? {});
  const data = openDataDirectory(path.resolve(options.dataDirectory));
  const { store } = data;
  const listener = await listen(options.port);
  const { port } = listener;
  setEnvironment(port);

  const keys = loadKeys(data.keysFile);
  const durableOptions = readDurableOptions(config.extensions?.durableTask);
  const links = createLinks(durableOptions.hubName, port, keys.durable);
  const core = new CoreModule(log);
  const invoke = createInvoker(core, links.clientBinding);
  const functions = await loadApp(core, appDirectory);

  const durable = createDurableEngine({ store, options: durableOptions, functions, invoke, log });
  const timers = createTimerTriggers({ functions, store, invoke, log });
  const serviceBus = createServiceBusTriggers({ functions, config, invoke, log });
  const outstanding = () => durable.active() + timers.active() + serviceBus.active() + front.active;
  const { HttpUri } = core.capabilities;
  const front: HttpFront = new HttpFront({
    functions,
    keys,
    log,
    routePrefix: config.extensions?.http?.routePrefix ?? "api",
    durable: new DurableHttpApi(durable.hub, links),
    rpcPath: links.rpcPath,
    invokeHttp: HttpUri ? streamedHttp(HttpUri, invoke, log) : bufferedHttp(invoke, log),
    admin: createAdmin({
      functions,
      isDraining: () => front.draining,
      setHostKey: (name, value) => setHostKey(data.keysFile, keys, name, value),
      fireTimer: (name) => timers.fire(name),
    }),
  });

  listener.serve(front.handle);
  durable.start();
  timers.start();
  serviceBus.start();
  const url = `http://127.0.0.1:${port}`;
  log("information", "Host.General", `${functions.length} functions of ${appDirectory} on ${url}`);

  return {
    url,
    log,
    durable,
    async stop() {
      front.draining = true;
      durable.stop();
      timers.stop();
      await within(serviceBus.stop(), "stopping the Service Bus triggers", log);
      // The listener stays open so long: functions under way may still call the Durable endpoints.
      await settle(outstanding, log);
      await core.runAppHooks("appTerminate");
      await within(serviceBus.close(), "closing the Service Bus connection", log);
      listener.close();
      data.close();
    },
  };
}

/** What app code reads about its surroundings before it is loaded. */
function setEnvironment(port: number): void {
  // Without this, durable-functions 3.5 rewrites every management URL to localhost:7071.
  process.env.WEBSITE_HOSTNAME = `localhost:${port}`;
  process.env.FUNCTIONS_WORKER_RUNTIME ??= "node";
  process.env.AZURE_FUNCTIONS_ENVIRONMENT ??= "Development";
}
