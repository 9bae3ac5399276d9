import { parseArgs } from "node:util";
import { destination, pino } from "pino";
import { startKeyVault } from "./vault.ts";

const USAGE =
  "Usage: IDENTITY_HEADER=<secret> main.ts --data <directory> [--tls <directory>] [--port <number>] [--identity-port <number>]; port 0 is a free one";

const log = pino(
  { name: "key-vault", level: process.env.LOG_LEVEL ?? "info" },
  destination({ dest: 2, sync: true }),
);

function readOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      tls: { type: "string" },
      port: { type: "string" },
      "identity-port": { type: "string" },
    },
  });
  if (!values.data) throw new Error(`--data is required. ${USAGE}`);
  const identitySecret = process.env.IDENTITY_HEADER;
  if (!identitySecret) throw new Error(`The variable IDENTITY_HEADER must be set. ${USAGE}`);
  return {
    dataDirectory: values.data,
    certificateDirectory: values.tls,
    identitySecret,
    port: readPort("--port", values.port),
    identityPort: readPort("--identity-port", values["identity-port"]),
  };
}

function readPort(flag: string, text = "0"): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new Error(`${flag} must be a number from 0 to 65535, not "${text}". ${USAGE}`);
  return Number(text);
}

try {
  const { close, ...urls } = await startKeyVault({ ...readOptions(), log });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      log.info({ signal }, "vault.stopping");
      // Every change was on the disk before it was answered: there is nothing to flush.
      void close().then(() => process.exit(0));
    });
  process.stdout.write(`${JSON.stringify({ ready: true, ...urls, pid: process.pid })}\n`);
  log.info(urls, "vault.ready");
} catch (error) {
  log.fatal({ reason: (error as Error).message }, "vault.start-failed");
  process.exitCode = 1;
}
