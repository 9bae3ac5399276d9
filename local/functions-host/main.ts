/** Command line of the local Functions host: `--app <dir> --data <dir> --port <n>`. */
import { parseArgs } from "node:util";
import { type Host, startHost } from "./host.ts";
import { createLog, describeError } from "./logger.ts";

const log = createLog({});

function fail(error: unknown): never {
  log("critical", "Host.General", describeError(error));
  process.exit(1);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      app: { type: "string", default: "." },
      data: { type: "string" },
      port: { type: "string", default: "0" },
    },
  });
  const { app, data } = values;
  const port = Number(values.port);
  if (!data) throw new Error("--data is missing: name a directory for the host's database");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port must be 0 to 65535, not ${values.port}`);
  }
  return { appDirectory: app, dataDirectory: data, port };
}

/** The first signal drains, the second one gives up waiting. */
function stopOnSignals(host: Host): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      host.log("information", "Host.General", `${signal}: draining`);
      host.stop().then(() => process.exit(0), fail);
    });
  }
}

// A rejection that nobody handles in app code ends a worker process on Azure, too.
process.on("uncaughtException", fail);

try {
  const host = await startHost(readOptions());
  stopOnSignals(host);
  process.stdout.write(`${JSON.stringify({ ready: true, url: host.url, pid: process.pid })}\n`);
} catch (error) {
  fail(error);
}
