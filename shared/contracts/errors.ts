import { AGENT_ERRORS } from "./errors/agents.ts";
import { API_ERRORS } from "./errors/api.ts";
import type { ErrorDefinition } from "./errors/definition.ts";
import { LEFT_OUT } from "./errors/leftOut.ts";
import { NAME_ERRORS } from "./errors/names.ts";
import { SOURCE_ERRORS } from "./errors/source.ts";
import { TRANSFER_ERRORS } from "./errors/transfer.ts";

/**
 * The closed list of error codes. Every refusal of the API, every failed or skipped item of a report and every failed
 * round carries one of them.
 */
export const ERRORS = {
  ...SOURCE_ERRORS,
  ...LEFT_OUT,
  ...NAME_ERRORS,
  ...TRANSFER_ERRORS,
  ...API_ERRORS,
  ...AGENT_ERRORS,
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

export const errorDefinition = (code: ErrorCode): ErrorDefinition => ERRORS[code];

/** What SharePoint throttles is tried again at the time that the message names, what a container refuses with another container. */
const NOT_AT_ONCE = new Set<ErrorCode>(["THROTTLED", "CONTAINER_EXPIRED", "CONTAINER_REFUSED"]);

/** Whether trying again in a moment may help. */
export const isRetriedAtOnce = (code: ErrorCode): boolean =>
  !NOT_AT_ONCE.has(code) && errorDefinition(code).retryable;

/** An expected failure that carries its code across a boundary. Everything else that is thrown is a defect. */
export class LongshoreError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail ?? ERRORS[code].cause, options);
    this.name = "LongshoreError";
    this.code = code;
  }
}
