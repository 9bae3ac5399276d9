import { LongshoreError } from "../../../shared/contracts/errors.ts";

/** Another task of the session has the same source and destination. */
export class DuplicateTask extends LongshoreError {
  /** That task's id. */
  readonly existing: string;

  constructor(existing: string) {
    super("DUPLICATE_TASK", `task ${existing} has the same source and destination`);
    this.existing = existing;
  }
}
