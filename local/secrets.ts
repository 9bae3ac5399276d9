import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** What the parts of one machine prove themselves to each other with. */
export interface Secrets {
  storageAccount: string;
  storageKey: string;
  /** Service Bus: the policy of the control plane, which may send and make queues, and that of the agents, which may listen. */
  sendKey: string;
  listenKey: string;
  identityHeader: string;
}

/** The secrets of a data folder: made once, readable by the owner only. */
export function loadSecrets(file: string): Secrets {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const secrets: Secrets = {
    storageAccount: "longshore",
    storageKey: randomBytes(64).toString("base64"),
    sendKey: randomBytes(32).toString("base64"),
    listenKey: randomBytes(32).toString("base64"),
    identityHeader: randomBytes(32).toString("hex"),
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return secrets;
}
