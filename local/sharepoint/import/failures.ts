import { hresult } from "./error-codes.ts";

class Failure extends Error {
  readonly code: number;
  constructor(message: string, code: number = hresult.generic) {
    super(message);
    this.code = code;
  }
}

/** One item cannot be imported; the job goes on. */
export class ItemFailure extends Failure {
  override name = "ItemFailure";
}

/** The package as a whole cannot be imported. */
export class JobFailure extends Failure {
  override name = "JobFailure";
}

/** The failure as it is, or what an item reports when the disk or the blob service says no. */
export function asItemFailure(error: unknown): ItemFailure {
  return error instanceof ItemFailure ? error : new ItemFailure(describe(error));
}

/** One line about an error. Those of the storage SDK can be long, or empty but for their status. */
export function describe(error: unknown): string {
  const { message, code, statusCode } = error as Error & { code?: string; statusCode?: number };
  const text = message.split("\n", 1).join("").trim() || code || "Unknown error";
  return statusCode === undefined ? text : `(${statusCode}) ${text}`;
}
