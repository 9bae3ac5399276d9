import type { Services } from "../../functions/services.ts";
import { Killed } from "./orchestrations.ts";

/** What happens to the n-th write of a process: it fails, or it is done and its answer lost; then, perhaps, the process dies. */
export interface Fault {
  write: number;
  when: "before" | "after";
  kill: boolean;
}

export interface FaultyServices extends Services {
  /** How many writes there have been. */
  writes(): number;
}

/** Every call that changes something outside of the process: rows, blobs, containers, messages, import jobs. */
const WRITES = new Set([
  ...["insert", "change", "updateRound", "mendPackages", "openRound", "registerSegments"],
  ...["completeScan", "completeUpload", "advance", "takeSegment", "insertWork"],
  ...["changeWork", "update", "setActive", "setInactive", "insertSession"],
  ...["upload", "uploadStream", "createSnapshot", "deleteIfExists", "createContainer"],
  ...["createIfNotExists", "send", "submit", "take", "keep", "release", "free", "stillThere"],
]);
/** Calls that hand out something with writes of its own. */
const DOORS = new Set(["getContainerClient", "getBlockBlobClient", "getBlobClient"]);

/** The services of a process that meets these faults. After its death every call of it fails. */
export function withFaults(app: Services, faults: readonly Fault[]): FaultyServices {
  let writes = 0;
  let dead = false;

  async function write(action: () => Promise<unknown>): Promise<unknown> {
    if (dead) throw new Killed("the process is dead");
    const number = writes++;
    const fault = faults.find((each) => each.write === number);
    if (fault?.when === "before") fail(fault);
    const value = await action();
    if (dead) throw new Killed("the process is dead");
    if (fault) fail(fault);
    return value;
  }
  function fail({ kill, write: number, when }: Fault): never {
    dead ||= kill;
    throw kill ? new Killed("killed") : new Error(`write ${number} failed ${when} it was done`);
  }
  function guarded<T extends object>(real: T): T {
    return new Proxy(real, {
      get(of, name) {
        const value = Reflect.get(of, name, of) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (WRITES.has(String(name)))
            return write(() => value.apply(of, args) as Promise<unknown>);
          if (dead) throw new Killed("the process is dead");
          const result = value.apply(of, args) as unknown;
          return DOORS.has(String(name)) ? guarded(result as object) : result;
        };
      },
    });
  }
  const { plans, outcomes, reports } = app.state;
  return {
    ...app,
    tasks: guarded(app.tasks),
    rounds: guarded(app.rounds),
    state: { plans: guarded(plans), outcomes: guarded(outcomes), reports: guarded(reports) },
    stateBlobs: guarded(app.stateBlobs),
    packageBlobs: guarded(app.packageBlobs),
    queues: guarded(app.queues),
    destination: guarded(app.destination),
    slots: guarded(app.slots),
    writes: () => writes,
  };
}
