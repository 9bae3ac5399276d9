import type { ErrorDefinition } from "./definition.ts";

/** What agents are refused, and what they lack. */
export const AGENT_ERRORS = {
  ENROLMENT_REFUSED: {
    stage: "agent",
    cause: "The enrolment token is unknown, expired or used up.",
    remedy: "Create a new enrolment token and configure the agent with it.",
    retryable: false,
  },
  AGENT_DISABLED: {
    stage: "agent",
    cause: "An administrator has disabled this agent.",
    remedy: "Enable it again; it notices within half a minute and needs no restart.",
    retryable: true,
  },
  AGENT_INCOMPATIBLE: {
    stage: "agent",
    cause: "The agent speaks a protocol that this control plane does not speak.",
    remedy: "Update the agent, or the control plane, to the same release.",
    retryable: true,
  },
  QUEUE_MISSING: {
    stage: "agent",
    cause: "The agent group has no queue in Service Bus, and the app could not make it.",
    remedy:
      "Give the policy of SERVICE_BUS_CONNECTION the Manage claim, or create the queue that the message names with the settings in infra/README.md. Work that waits for it goes on by itself.",
    retryable: true,
  },
  STALE_LEASE: {
    stage: "agent",
    cause: "The agent no longer holds the lease of this work item.",
    remedy: "Drop the work; somebody else has it.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;
