/** An answer of the vault other than success; `code` is what the SDK shows as `error.code`. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badParameter = (message: string) => new VaultError(400, "BadParameter", message);
export const forbidden = (message: string) => new VaultError(403, "Forbidden", message);
export const conflict = (message: string) => new VaultError(409, "Conflict", message);
export const keyNotFound = (id: string) =>
  new VaultError(404, "KeyNotFound", `A key with (name/id) ${id} was not found in this key vault.`);
