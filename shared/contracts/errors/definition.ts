/** Where an error comes up. */
export type Stage = "scan" | "package" | "upload" | "import" | "round" | "api" | "agent";

export interface ErrorDefinition {
  readonly stage: Stage;
  /** The code that administrators know from Microsoft's Migration Manager; it is what the report column "Error code" shows. */
  readonly legacy?: string;
  readonly cause: string;
  readonly remedy: string;
  readonly retryable: boolean;
}
