import type { HeartbeatResponse } from "../shared/contracts/work.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type Log, messageOf } from "./log.ts";
import { trySource } from "./source/try-source.ts";

/** Tries sources that administrators ask about. Heartbeats repeat a question until it is answered; it is tried once. */
export class SourceChecks {
  readonly #options: { api: ControlPlane; roots: readonly string[]; log: Log };
  readonly #begun = new Set<string>();

  constructor(options: { api: ControlPlane; roots: readonly string[]; log: Log }) {
    this.#options = options;
  }

  take(checks: HeartbeatResponse["checks"]): void {
    for (const { id, source } of checks)
      if (!this.#begun.has(id)) {
        this.#begun.add(id);
        void this.#answer(id, source);
      }
  }

  async #answer(check: string, source: string): Promise<void> {
    const { api, roots, log } = this.#options;
    try {
      const answer = await trySource(source, roots, log);
      await api.answerCheck(check, answer);
      log.info({ check, ...answer }, "tried a source");
    } catch (error) {
      this.#begun.delete(check);
      log.warn({ check, error: messageOf(error) }, "a check could not be answered");
    }
  }
}
