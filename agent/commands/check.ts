import type { HelloResponse } from "../../shared/contracts/agents.ts";
import { keyFile, loadConfiguration } from "../configuration.ts";
import { createControlPlane } from "../control-plane.ts";
import { loadPrivateKey } from "../identity.ts";
import { createLog, messageOf, scrub } from "../log.ts";
import { trySource } from "../source/try-source.ts";
import { introduction } from "../version.ts";
import { openWorkQueue, type QueueTransport } from "../work-queue.ts";
import { MIN_SLOTS } from "./run.ts";

export interface CheckOptions {
  data: string;
  source?: string;
  transport: QueueTransport;
}

interface Check {
  name: string;
  fix: string;
  /** The check without which this one cannot be tried. */
  needs?: string;
  /** Says what was found; throws when it is not as it should be. */
  run(): Promise<string>;
}

/**
 * Tries, in order, everything the agent needs, and prints a numbered line for each with what to do about it. A check whose
 * ground is missing is not tried: what is to be mended is what failed. Returns whether all is well.
 */
export async function check(
  options: CheckOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const missing = new Set<string>();
  for (const [index, { name, fix, needs, run }] of checks(options).entries()) {
    const number = `${index + 1}.`;
    if (needs !== undefined && missing.has(needs)) {
      missing.add(name);
      print(`${number} -       ${name}: not tried without "${needs}"`);
      continue;
    }
    try {
      print(`${number} ok      ${name}: ${scrub(await run())}`);
    } catch (error) {
      missing.add(name);
      print(`${number} FAILED  ${name}: ${scrub(messageOf(error))}`);
      print(`           fix: ${fix}`);
    }
  }
  return missing.size === 0;
}

function checks({ data, source, transport }: CheckOptions): Check[] {
  const configuration = () => loadConfiguration(data);
  let hello: HelloResponse | undefined;
  const list: Check[] = [
    {
      name: "configuration",
      fix: 'run "configure" with a new enrolment token',
      async run() {
        const { agentId, name, roots } = configuration();
        loadPrivateKey(keyFile(data));
        const limits = roots.length === 0 ? "any folder" : roots.join(", ");
        return `agent ${agentId} ("${name}"), may read ${limits}`;
      },
    },
    {
      name: "control plane reachable",
      needs: "configuration",
      fix: "check the URL, DNS, the firewall and the proxy (HTTPS_PROXY); only outbound HTTPS is needed",
      async run() {
        const { controlPlane } = configuration();
        const answer = await fetch(controlPlane, { signal: AbortSignal.timeout(10_000) });
        await answer.body?.cancel();
        return `${controlPlane} answered ${answer.status}`;
      },
    },
    {
      name: "signature accepted",
      needs: "control plane reachable",
      fix: "if the agent was removed, configure it again; if not, set this machine's clock",
      async run() {
        const { controlPlane, agentId, roots } = configuration();
        const api = createControlPlane(controlPlane, agentId, loadPrivateKey(keyFile(data)));
        hello = await api.hello(introduction(MIN_SLOTS, roots));
        return `known as "${hello.name}" in group "${hello.group}"`;
      },
    },
    {
      name: "work queue reachable",
      needs: "signature accepted",
      fix: "open outbound TCP 5671, or run with --queue-transport amqp-websockets to use 443",
      async run() {
        if (hello === undefined) throw new Error("no credential came with the signature's check");
        const queue = openWorkQueue(hello.queueConnection, hello.queue, transport);
        try {
          await queue.probe();
        } finally {
          await queue.close();
        }
        return `"${hello.queue}" accepts the credential until ${hello.queueExpires}`;
      },
    },
  ];
  if (source !== undefined)
    list.push({
      name: "source readable",
      needs: "configuration",
      fix: "check the path as this account sees it, its rights, and the agent's source roots",
      async run() {
        const { ok, detail } = await trySource(source, configuration().roots, createLog());
        if (!ok) throw new Error(detail);
        return detail;
      },
    });
  return list;
}
