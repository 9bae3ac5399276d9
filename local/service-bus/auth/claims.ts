import type { Right } from "../config.ts";
import { missingClaim } from "../errors.ts";
import { covers, type Grant, pathOf } from "./sas.ts";

/** The tokens one connection has presented, by audience. Clients send a new one before the old one ends. */
export class Claims {
  readonly #grants = new Map<string, Grant>();

  put(audience: string, grant: Grant): void {
    this.#grants.set(pathOf(audience), grant);
  }

  /** Whether a token that is still good covers the address; with a right, whether it also gives that. */
  allow(address: string, right?: Right): boolean {
    const path = pathOf(address);
    const now = Date.now();
    for (const [audience, { rights, expiresAt }] of this.#grants)
      if (expiresAt > now && covers(audience, path))
        if (right === undefined || rights.has(right) || rights.has("Manage")) return true;
    return false;
  }

  demand(address: string, right?: Right): void {
    if (!this.allow(address, right)) throw missingClaim(right ?? "Listen", pathOf(address));
  }
}
