import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { CommandError } from "./command-error.ts";

/**
 * Below the range from which systems take the ports of outgoing connections (32768 and up on Linux, 49152 elsewhere): a
 * recorded port must not be lost to a connection that happens to be open.
 */
const FIRST = 20_000;
const COUNT = 12_000;

export interface PortWishes {
  /** Ports that somebody asked for: taken or refused, never replaced. */
  fixed?: Record<string, number>;
  /** Names whose recorded port is part of stored data: refused when taken, never replaced. */
  pinned?: readonly string[];
}

/**
 * A free port on 127.0.0.1 for every name, recorded in `file`. What is recorded and still free is used again, so that
 * URLs stay the same from one run to the next.
 */
export async function choosePorts<Name extends string>(
  file: string,
  names: readonly Name[],
  { fixed = {}, pinned = [] }: PortWishes = {},
): Promise<Record<Name, number>> {
  const recorded: Record<string, number> = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : {};
  const ports: Record<string, number> = {};
  const candidates = candidatePorts(file, new Set(Object.values({ ...recorded, ...fixed })));
  for (const name of names) {
    const wanted = fixed[name] ?? recorded[name];
    if (wanted !== undefined && (await isFree(wanted))) ports[name] = wanted;
    else if (fixed[name] !== undefined) throw portInUse(fixed[name], name);
    else if (wanted !== undefined && pinned.includes(name)) throw pinnedPortInUse(wanted, name);
    else ports[name] = await nextFree(candidates);
  }
  writeFileSync(file, `${JSON.stringify({ ...recorded, ...ports }, null, 2)}\n`);
  return ports as Record<Name, number>;
}

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });

/** Different folders begin at different places, so that two of them seldom want the same port. */
function* candidatePorts(seed: string, reserved: ReadonlySet<number>): Generator<number> {
  const start = createHash("sha256").update(seed).digest().readUInt32BE() % COUNT;
  for (let step = 0; step < COUNT; step++) {
    const port = FIRST + ((start + step) % COUNT);
    if (!reserved.has(port)) yield port;
  }
}

async function nextFree(candidates: Generator<number>): Promise<number> {
  for (;;) {
    const { value, done } = candidates.next();
    if (done) break;
    if (await isFree(value)) return value;
  }
  throw new CommandError(
    `No free port between ${FIRST} and ${FIRST + COUNT - 1} on 127.0.0.1.`,
    "Stop some of the programs that listen there and run this again.",
  );
}

function portInUse(port: number, name: string): CommandError {
  return new CommandError(
    `Port ${port} for ${name} is in use by another program.`,
    "Stop that program, or choose another port with --port.",
  );
}

function pinnedPortInUse(port: number, name: string): CommandError {
  return new CommandError(
    `Port ${port} is in use by another program, and the tasks of this data folder know ${name} by it.`,
    "Stop the program that listens on it and run this again, or begin anew with another --data folder.",
  );
}
