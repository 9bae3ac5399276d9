import type { HttpResponseInit, InvocationContext } from "@azure/functions";
import type { Problem } from "../../../shared/contracts/api.ts";
import {
  type ErrorCode,
  errorDefinition,
  LongshoreError,
} from "../../../shared/contracts/errors.ts";
import type { FieldProblem } from "../../domain/fields/fieldProblems.ts";
import { DuplicateTask } from "../../domain/tasks/duplicateTask.ts";
import { RateLimited } from "../../security/rateLimits.ts";
import { redacted } from "../../security/redacted.ts";

/** HTTP statuses of refusals. A code that is missing here is our own failure: 500. */
export const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  ENROLMENT_REFUSED: 403,
  AGENT_DISABLED: 403,
  AGENT_INCOMPATIBLE: 403,
  NOT_FOUND: 404,
  NO_REPORTS: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  DUPLICATE_TASK: 409,
  STALE_LEASE: 409,
  PRECONDITION_FAILED: 412,
  PRECONDITION_REQUIRED: 428,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  RATE_LIMITED: 429,
  KEY_UNAVAILABLE: 503,
  QUEUE_MISSING: 503,
  DESTINATION_UNREACHABLE: 503,
  THROTTLED: 503,
};

/** A part of the request does not fit its schema. A ZodError from anywhere else is our own defect. */
export class Invalid extends LongshoreError {
  readonly errors: FieldProblem[];

  constructor(errors: FieldProblem[]) {
    super("BAD_REQUEST", `not valid: ${namesOf(errors)}`);
    this.errors = errors.slice(0, TOLD);
  }
}

/** The first of them, for who looks at the detail only. */
function namesOf(errors: readonly FieldProblem[]): string {
  const names = [...new Set(errors.map(({ field }) => field || "the body"))];
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

const NAMED = 5;
/** What is wrong beyond that is told when these are right: an imported session may have fifty thousand tasks. */
const TOLD = 1_000;

/** The answer to a request that could not be fulfilled: problem details (RFC 9457) with our code. */
export function problem(error: unknown, context: InvocationContext): HttpResponseInit {
  const known = error instanceof LongshoreError ? error : undefined;
  const code: ErrorCode = known?.code ?? "INTERNAL";
  const status = STATUS[code] ?? 500;
  const { cause, remedy } = errorDefinition(code);
  if (status >= 500)
    context.error(
      JSON.stringify({
        event: "request-failed",
        code,
        message: redacted(String((error as Error)?.stack)),
      }),
    );
  const body: Problem = {
    type: `urn:longshore:error:${code}`,
    title: cause,
    status,
    code,
    detail: redacted(known?.message ?? "see the app's log"),
    remedy,
    ...(error instanceof Invalid && { errors: error.errors }),
    ...(error instanceof DuplicateTask && { existing: error.existing }),
  };
  return {
    status,
    jsonBody: body,
    headers: {
      "content-type": "application/problem+json",
      ...(error instanceof RateLimited && { "retry-after": String(error.retryAfter) }),
    },
  };
}
