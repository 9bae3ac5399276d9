/** An answer of the vault other than success; `code` is what the SDK shows as `error.code`, `inner` tells more. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly status: number;
  readonly code: string;
  readonly inner: string | undefined;

  constructor(status: number, code: string, message: string, inner?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.inner = inner;
  }
}

export const badParameter = (message: string) => new VaultError(400, "BadParameter", message);
export const forbidden = (message: string, inner?: string) =>
  new VaultError(403, "Forbidden", message, inner);
export const conflict = (message: string) => new VaultError(409, "Conflict", message);
export const keyNotFound = (id: string) =>
  new VaultError(404, "KeyNotFound", `A key with (name/id) ${id} was not found in this key vault.`);
