import { RefusedError } from "./configuration.ts";
import { ControlPlaneError } from "./control-plane.ts";
import { type Log, Outage } from "./log.ts";

/** How the agent stands with the control plane: reachable or not, given work or not, known or not. */
export class Standing {
  /** Says once when the control plane goes and once when it is back. */
  readonly outage: Outage;
  /** False from when it cannot be had, or gives no work, until it answers again. */
  reachable = true;
  /** Why it is of no use to go on, once it is. */
  refused: RefusedError | undefined;
  readonly #log: Log;
  readonly #onNoWork: (reason: string) => void;
  /** The code by which it said that there is no work for this agent at present. */
  #suspended: string | undefined;

  /** `onNoWork`: everything in hand has to be dropped, because others get it. */
  constructor(log: Log, onNoWork: (reason: string) => void) {
    this.#log = log;
    this.#onNoWork = onNoWork;
    this.outage = new Outage(log, "the control plane");
  }

  answered(): void {
    this.reachable = true;
    this.outage.up();
    if (this.#suspended === undefined) return;
    this.#log.info({ was: this.#suspended }, "the control plane gives this agent work again");
    this.#suspended = undefined;
  }

  failed(error: unknown): void {
    if (!(error instanceof ControlPlaneError)) throw error;
    if (error.unauthorized) this.#refuse(error);
    else if (error.suspended) this.#suspend(error);
    else this.outage.down(error);
  }

  /** The agent stays, and asks now and then whether it is wanted again. */
  #suspend({ code, message }: ControlPlaneError): void {
    this.reachable = false;
    if (this.#suspended === code) return;
    this.#suspended = code;
    this.#log.warn({ code }, `the control plane gives this agent no work: ${message}`);
    this.#onNoWork("the control plane gives this agent no work");
  }

  #refuse({ message }: ControlPlaneError): void {
    this.refused ??= new RefusedError(
      `the control plane refuses this agent (${message}): configure it again with a new enrolment token`,
    );
    this.#onNoWork("the control plane refuses this agent");
  }
}
