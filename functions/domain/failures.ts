import { errorDefinition } from "../../shared/contracts/errors.ts";
import type { Issue } from "../../shared/contracts/inventory.ts";
import type { Failure } from "../../shared/contracts/rounds.ts";

/** A failure as people are shown it: with what its code means, and what to do. */
export function explained({ code, message }: Issue): Failure {
  const { cause, remedy } = errorDefinition(code);
  return { code, message, cause, remedy };
}
