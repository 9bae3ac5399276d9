import type { ErrorDefinition } from "./definition.ts";

/** What the API refuses. */
export const API_ERRORS = {
  BAD_REQUEST: {
    stage: "api",
    cause: "The request does not fit the schema of the route.",
    remedy: "Correct what the answer names.",
    retryable: false,
  },
  NOT_FOUND: {
    stage: "api",
    cause: "There is no such resource.",
    remedy: "Check the path and the ids in it.",
    retryable: false,
  },
  METHOD_NOT_ALLOWED: {
    stage: "api",
    cause: "The route exists, but not with this method.",
    remedy: "Use one of the methods that the answer names.",
    retryable: false,
  },
  NO_REPORTS: {
    stage: "api",
    cause: "There is nothing to download: none of the tasks that were asked for has such reports.",
    remedy:
      "Reports are written when a round ends. Wait for that, or choose other tasks, rounds or reports.",
    retryable: false,
  },
  CONFLICT: {
    stage: "api",
    cause: "The resource is in a state that does not allow this.",
    remedy: "Read the state in the answer's detail and try again when it has changed.",
    retryable: false,
  },
  DUPLICATE_TASK: {
    stage: "api",
    cause: "The session already has a task with this source and destination.",
    remedy: "Run that task again instead; its id is in the answer.",
    retryable: false,
  },
  PRECONDITION_REQUIRED: {
    stage: "api",
    cause: "The request does not say which version of the resource it changes.",
    remedy: "Read the resource and send its ETag as If-Match, or * to overwrite whatever is there.",
    retryable: false,
  },
  PRECONDITION_FAILED: {
    stage: "api",
    cause: "The resource was changed by somebody else in the meantime.",
    remedy: "Read the resource again and repeat the change on what is there now.",
    retryable: false,
  },
  FORBIDDEN: {
    stage: "api",
    cause: "The caller's role does not allow this.",
    remedy: "Ask an administrator for the role that the answer names.",
    retryable: false,
  },
  PAYLOAD_TOO_LARGE: {
    stage: "api",
    cause: "The body of the request is larger than the route accepts.",
    remedy: "Send less at once, in several requests.",
    retryable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    stage: "api",
    cause: "The body of the request is in a format that the route does not read.",
    remedy: "Send the format that the answer names, and say so in Content-Type.",
    retryable: false,
  },
  IDEMPOTENCY_KEY_REUSED: {
    stage: "api",
    cause: "The idempotency key was used for another request before.",
    remedy: "Make a new key for every new request; repeat a key only with the same body.",
    retryable: false,
  },
  RATE_LIMITED: {
    stage: "api",
    cause: "The caller sends more requests than the app allows.",
    remedy: "Wait for the seconds that Retry-After names, then go on more slowly.",
    retryable: true,
  },
  UNAUTHORIZED: {
    stage: "api",
    cause: "The caller did not prove who it is.",
    remedy: "Send a valid key or signature; an agent enrols again.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;
