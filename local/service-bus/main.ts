import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { destination, pino } from "pino";
import { openCertificate } from "../certificate.ts";
import { startBroker } from "./broker.ts";
import type { BrokerConfigInput } from "./config.ts";

const USAGE =
  "Usage: main.ts --data <directory> --config <file.json> [--port <number, 0 for a free one>] [--tls <directory of the certificate>]";

const log = pino(
  { name: "service-bus", level: process.env.LOG_LEVEL ?? "info" },
  destination({ dest: 2, sync: true }),
);

async function readArguments() {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { data: text, config: text, port: text, tls: text } });
  const { data, config, port = "0", tls } = values;
  if (!data || !config) throw new Error(`--data and --config are required. ${USAGE}`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new Error(`--port must be a number from 0 to 65535, not "${port}". ${USAGE}`);
  const certificate = tls === undefined ? undefined : await openCertificate(tls);
  return { dataDirectory: data, config: readConfig(config), port: Number(port), certificate };
}

function readConfig(file: string): BrokerConfigInput {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as BrokerConfigInput;
  } catch (error) {
    throw new Error(`--config: ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

try {
  const broker = await startBroker({
    ...(await readArguments()),
    log,
    onFailure: () => process.exit(1),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      log.info({ signal }, "broker.stopping");
      broker.close().then(
        () => process.exit(0),
        (error: unknown) => {
          log.fatal({ err: error }, "broker.stop-failed");
          process.exit(1);
        },
      );
    });
  process.stdout.write(`${JSON.stringify({ ready: true, port: broker.port, pid: process.pid })}\n`);
  log.info({ port: broker.port }, "broker.ready");
} catch (error) {
  log.fatal({ reason: (error as Error).message }, "broker.start-failed");
  process.exitCode = 1;
}
