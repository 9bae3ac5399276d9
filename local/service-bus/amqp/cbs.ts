import type { Receiver } from "rhea-server";
import { verifySas } from "../auth/sas.ts";
import { notImplemented, unauthorized } from "../errors.ts";
import type { Peer } from "./peer.ts";
import { serveRequests } from "./requests.ts";

/** Serves `$cbs`: clients put a token for an address there before they attach a link to it, and again every 45 minutes. */
export function serveCbs(peer: Peer, link: Receiver): void {
  serveRequests(peer, link, "dashed", ({ operation, properties, body }, reply) => {
    if (operation !== "put-token") throw notImplemented(`The operation ${operation}`);
    if (properties.type !== "servicebus.windows.net:sastoken")
      throw unauthorized(`Tokens of type '${properties.type}' are not supported; use SAS.`);
    const audience = String(properties.name);
    peer.claims.put(audience, verifySas(String(body), audience, peer.broker.policies));
    reply({ status: 202, description: "Accepted" });
  });
}
