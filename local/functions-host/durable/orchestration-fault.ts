/** The orchestration itself is at fault (non-determinism, too many actions): it fails, the host does not. */
export class OrchestrationFault extends Error {}
