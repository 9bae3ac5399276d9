/** A reason for which the command cannot go on, with what to do about it. Shown to people as it is, without a stack. */
export class CommandError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.remedy = remedy;
  }
}
