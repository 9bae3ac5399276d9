// `npm run bench`: the two standard loads through the whole pipeline on this machine, and the same trees copied into the same
// Azurite by AzCopy and rclone, where they are installed. Figures and ratios of one run; nothing here passes or fails.
// Usage: npm run bench -- [--small <files>] [--large <files>] [--agents <n>] [--data <folder>]
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BlobServiceClient, ContainerSASPermissions } from "@azure/storage-blob";
import { type RunningMachine, startMachine } from "../../local/machine.ts";
import type { ProcessRecord } from "../../local/supervisor/orphans.ts";
import type { RoundView } from "../../shared/contracts/rounds.ts";
import { startAgents } from "../agents.ts";
import { libraryOf } from "../libraries.ts";
import { runCommand } from "../lifetime.ts";
import { type Api, createApi } from "../migrate/api.ts";
import { runTaskOf } from "../migrate/migrations.ts";
import { type Load, largeLoad, makeLoad, smallLoad, warmUp } from "./loads.ts";
import { installedPeers, type PeerRun, runPeer } from "./peers.ts";
import { resetPeak, type Usage, usageOf } from "./processes.ts";
import { STAGES, type StageSample, stageFigures } from "./stages.ts";
import { table } from "./table.ts";

interface LoadRun {
  seconds: number;
  samples: StageSample[];
  processes: ({ name: string } & Usage)[];
  peers: PeerRun[];
}

await runCommand(main, {
  onProblem: ({ message, remedy }) => console.error(`${message}\n${remedy}`),
});

async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    options: {
      small: { type: "string", default: "10000" },
      large: { type: "string", default: "10" },
      agents: { type: "string", default: "1" },
      data: { type: "string", default: ".longshore/bench" },
    },
  });
  const data = resolve(process.env.LONGSHORE_CWD ?? ".", values.data);
  const loads = [smallLoad(Number(values.small)), largeLoad(Number(values.large))];
  const [load, ...more] = loads.filter(({ files }) => files > 0);
  if (load) report(load, await runLoad(load, data, Number(values.agents), signal));
  // Each load has a process of its own: the identity library keeps the tokens of the first machine it has seen.
  if (more.length === 0 || signal.aborted) return 0;
  const rest = ["--small", "0", "--large", values.large, "--agents", values.agents, "--data", data];
  const script = process.argv[1] as string;
  return spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" }).status ?? 1;
}

/** One load on freshly started parts with empty stores: what the other load left must not count. */
async function runLoad(
  load: Load,
  data: string,
  agents: number,
  signal: AbortSignal,
): Promise<LoadRun> {
  const source = join(data, "loads", `${load.files}x${load.fileBytes}`, "share");
  const library = join(data, "library");
  const state = join(data, "state");
  console.error(`${load.name}: preparing`);
  mkdirSync(source, { recursive: true });
  await makeLoad(load, source);
  for (const folder of [library, state]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(library, { recursive: true });
  const machine = await startMachine({
    data: state,
    holder: "npm run bench",
    libraries: [libraryOf(library)],
    say: (line) => console.error(line),
    onEvent: (event) => console.error(JSON.stringify(event)),
    signal,
  });
  try {
    const api = createApi(machine.apiUrl, machine.adminKey, signal);
    await startAgents(machine, api, state, agents);
    await warmUp(source);
    console.error(`${load.name}: migrating`);
    const migrated = await migrate(api, machine, source, library, state);
    return { ...migrated, peers: await comparePeers(load, source, state) };
  } finally {
    await machine.stop();
    for (const folder of [library, state]) rmSync(folder, { recursive: true, force: true });
  }
}

async function migrate(
  api: Api,
  machine: RunningMachine,
  source: string,
  library: string,
  state: string,
): Promise<Omit<LoadRun, "peers">> {
  const parts = runningParts(state);
  for (const { pid } of parts) resetPeak(pid);
  const before = new Map(parts.map(({ pid }) => [pid, usageOf(pid)?.cpuSeconds ?? 0]));
  const began = performance.now();
  const samples: StageSample[] = [];
  const { id } = await runTaskOf(api, undefined, source, machine.siteUrl(libraryOf(library).site));
  for (;;) {
    const { round } = await api.getTask(id);
    const seconds = (performance.now() - began) / 1000;
    if (round) samples.push({ seconds, round });
    if (round && round.state !== "InProgress") {
      check(round);
      break;
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return {
    seconds: (performance.now() - began) / 1000,
    samples,
    processes: parts.flatMap(({ name, pid }) => {
      const usage = usageOf(pid);
      const cpuSeconds = (usage?.cpuSeconds ?? 0) - (before.get(pid) ?? 0);
      return usage ? [{ name, ...usage, cpuSeconds }] : [];
    }),
  };
}

/** A bench of something that did not work would be a lie. */
function check({ state, migrated, scanned, failure }: RoundView): void {
  if (state === "Completed" && migrated.items === scanned.items) return;
  throw new Error(
    `the round ended ${state} with ${migrated.items} of ${scanned.items} items: ${failure?.message}`,
  );
}

function runningParts(state: string): ProcessRecord[] {
  return JSON.parse(readFileSync(join(state, "running.json"), "utf8"));
}

/** Each tool copies the same tree into an empty container of the Azurite that the migration used. */
async function comparePeers(load: Load, source: string, state: string): Promise<PeerRun[]> {
  const ports = JSON.parse(readFileSync(join(state, "ports.json"), "utf8"));
  const { storageAccount, storageKey } = JSON.parse(
    readFileSync(join(state, "secrets.json"), "utf8"),
  );
  const blobs = BlobServiceClient.fromConnectionString(
    `DefaultEndpointsProtocol=http;AccountName=${storageAccount};AccountKey=${storageKey};BlobEndpoint=http://127.0.0.1:${ports["azurite-blob"]}/${storageAccount}`,
  );
  const runs: PeerRun[] = [];
  for (const peer of installedPeers()) {
    console.error(`${load.name}: ${peer.tool}`);
    const container = blobs.getContainerClient(`peer-${runs.length}`);
    await container.create();
    const sas = await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse("racwdl"),
      expiresOn: new Date(Date.now() + 3600_000),
    });
    runs.push(await runPeer(peer, source, sas));
    await container.delete();
  }
  return runs;
}

function report(load: Load, { seconds, samples, processes, peers }: LoadRun): void {
  const megabytes = (load.files * load.fileBytes) / 1e6;
  const rates = (over: number) => [
    over.toFixed(1),
    (load.files / over).toFixed(0),
    (megabytes / over).toFixed(1),
  ];
  console.log(`\n${load.name}: migrated in ${seconds.toFixed(1)} s\n`);
  console.log(
    table(
      ["stage", "seconds", "items/s", "MB/s"],
      STAGES.map((stage) => {
        const figures = stageFigures(samples, stage);
        return [
          stage,
          figures.seconds.toFixed(1),
          figures.itemsPerSecond.toFixed(0),
          figures.megabytesPerSecond.toFixed(1),
        ];
      }).concat([["whole", ...rates(seconds)]]),
    ),
  );
  const cpu = processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  console.log(
    table(
      ["process", "CPU s", "peak MB"],
      processes
        .map(({ name, cpuSeconds, peakMb }) => [name, cpuSeconds.toFixed(1), peakMb.toFixed(0)])
        .concat([["all", cpu.toFixed(1), ""]]),
    ),
  );
  if (peers.length === 0)
    console.log("Neither azcopy nor rclone is installed: nothing to compare with.\n");
  else
    console.log(
      table(
        [
          "copy of the same tree",
          "seconds",
          "items/s",
          "MB/s",
          "CPU s",
          "peak MB",
          "Longshore takes",
        ],
        peers.map((peer) => [
          peer.tool,
          ...rates(peer.seconds),
          peer.cpuSeconds.toFixed(1),
          peer.peakMb.toFixed(0),
          `${(seconds / peer.seconds).toFixed(2)} of it`,
        ]),
      ),
    );
}
