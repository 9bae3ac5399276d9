import http from "node:http";
import { Command, Option } from "commander";
import { check } from "./commands/check.ts";
import { configure } from "./commands/configure.ts";
import { run } from "./commands/run.ts";
import { RefusedError } from "./configuration.ts";
import { createLog, messageOf } from "./log.ts";
import { AGENT_VERSION } from "./version.ts";

// Reading a file share means waiting, and four waits at a time (libuv's default) is few. Only until the first file access.
process.env.UV_THREADPOOL_SIZE ??= "16";
http.setGlobalProxyFromEnv?.();
// Started through npm, the working directory is the package's; paths in the arguments are the caller's.
if (process.env.LONGSHORE_CWD !== undefined) process.chdir(process.env.LONGSHORE_CWD);

/** What a service manager goes by: 0 stopped as asked, 1 do not restart (something has to be mended first), 2 restart. */
const EXIT = { asked: 0, refused: 1, retry: 2 } as const;

const log = createLog();
// Node's own warnings would be the only lines on stderr that are not JSON.
process.removeAllListeners("warning");
process.on("warning", ({ name, message }) => log.warn({ name }, message));
process.on("uncaughtException", crash);

const data = new Option("--data <folder>", "the agent's own folder: identity and configuration")
  .env("LONGSHORE_AGENT_DATA")
  .makeOptionMandatory();
const transport = new Option("--queue-transport <kind>", "how to reach the work queue")
  .choices(["amqp", "amqp-websockets"])
  .default("amqp");

const program = new Command("longshore-agent")
  .description("Longshore's migration agent: reads, encrypts and uploads files near the share")
  .configureHelp({ showGlobalOptions: true });

program
  .command("configure")
  .description("enrol this machine with a control plane")
  .requiredOption("--url <url>", "base URL of the control plane")
  .addOption(
    new Option("--token <token>", "enrolment token")
      .env("LONGSHORE_ENROLMENT_TOKEN")
      .makeOptionMandatory(),
  )
  .option("--name <name>", "how the agent is shown (default: the host name)")
  .option("--group <group>", "agent group to join")
  .option("--root <folder...>", "folders the agent may read (default: any)")
  .addOption(data)
  .action(async (options) => {
    process.stdout.write(`${JSON.stringify({ agentId: await configure(options) })}\n`);
  });

program
  .command("run")
  .description("take work until SIGTERM or SIGINT")
  .addOption(data)
  .option("--slots <number>", "work items at the same time, at least 2", Number, 4)
  .addOption(transport)
  .action(async ({ queueTransport, ...options }) => {
    await run({ ...options, transport: queueTransport }, log);
  });

program
  .command("check")
  .description("try everything the agent needs and say how to mend what fails")
  .addOption(data)
  .option("--source <folder>", "also try to read this source")
  .addOption(transport)
  .action(async ({ queueTransport, ...options }) => {
    const print = (line: string) => process.stdout.write(`${line}\n`);
    const ok = await check({ ...options, transport: queueTransport }, print);
    process.exitCode = ok ? EXIT.asked : EXIT.refused;
  });

program
  .command("version")
  .description("print the version")
  .action(() => {
    process.stdout.write(`${AGENT_VERSION}\n`);
  });

try {
  await program.parseAsync();
  // Not left to the event loop: a request that hangs must not hold up an agent that was asked to stop.
  process.exit();
} catch (error) {
  if (error instanceof RefusedError) {
    log.fatal({ error: error.message }, "refused");
    process.exit(EXIT.refused);
  }
  crash(error);
}

function crash(error: unknown): never {
  log.fatal({ error: messageOf(error), stack: (error as Error).stack }, "ended");
  process.exit(EXIT.retry);
}
