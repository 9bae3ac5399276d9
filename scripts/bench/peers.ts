import { spawn, spawnSync } from "node:child_process";
import { usageOf } from "./processes.ts";

/** Copies a folder into a container with the tools people would use instead, where they are installed. */
export interface PeerRun {
  tool: string;
  seconds: number;
  cpuSeconds: number;
  peakMb: number;
}

interface Peer {
  tool: string;
  command: string;
  args(source: string, containerSas: string): string[];
  env?: Record<string, string>;
}

const PEERS: Peer[] = [
  {
    tool: "azcopy copy",
    command: "azcopy",
    args: (source, sas) => ["copy", `${source}/*`, sas, "--recursive", "--from-to", "LocalBlob"],
    env: { AZCOPY_DISABLE_SYSLOG: "true", AZCOPY_CONCURRENT_SCAN: "16" },
  },
  {
    tool: "rclone copy, 16 transfers",
    command: "rclone",
    // The container is part of the SAS URL; the path after the remote's name has to repeat it.
    args: (source, sas) => [
      ...["copy", source, `:azureblob:${new URL(sas).pathname.split("/").at(-1)}`],
      ...["--azureblob-sas-url", sas, "--transfers", "16", "--checkers", "16", "--config", ""],
    ],
  },
];

export const installedPeers = (): Peer[] =>
  PEERS.filter(({ command }) => spawnSync(command, ["--version"]).status === 0);

export async function runPeer(peer: Peer, source: string, containerSas: string): Promise<PeerRun> {
  const began = performance.now();
  const child = spawn(peer.command, peer.args(source, containerSas), {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...peer.env },
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors = `${errors}${text}`.slice(-2000);
  });
  let usage = { cpuSeconds: 0, peakMb: 0 };
  const sampling = setInterval(() => {
    const now = child.pid === undefined ? undefined : usageOf(child.pid);
    // A process that has just ended has no memory any more, but is still listed.
    if (now && now.peakMb > 0) usage = now;
  }, 50);
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearInterval(sampling);
  if (code !== 0) throw new Error(`${peer.tool} failed: ${errors.trim()}`);
  return { tool: peer.tool, seconds: (performance.now() - began) / 1000, ...usage };
}
