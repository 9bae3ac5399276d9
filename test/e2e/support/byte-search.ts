import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Every spelling in which 32 secret bytes could lie in a file: as they are, hex, base64, within a longer base64. */
export function spellings(secret: Buffer): Buffer[] {
  const hex = secret.toString("hex");
  const encoded = [0, 1, 2].flatMap((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), secret]);
    return (["base64", "base64url"] as const).map((encoding) => {
      // The characters at both ends depend on what stands before and after.
      const text = shifted.toString(encoding).replace(/=+$/, "");
      return text.slice(shift === 0 ? 0 : 4, -2);
    });
  });
  return [secret, ...[hex, hex.toUpperCase(), ...encoded].map((text) => Buffer.from(text))];
}

/** The files below `folder` that hold one of the needles. */
export function filesHolding(folder: string, needles: readonly Buffer[]): string[] {
  return filesBelow(folder).filter((file) => {
    const content = readFileSync(file);
    return needles.some((needle) => content.includes(needle));
  });
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
