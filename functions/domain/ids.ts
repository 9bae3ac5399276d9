import { createHash, randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Whether something can be an id of ours: what comes from outside must not become a key of a table unseen. */
export const isId = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-hjkmnp-tv-z]{4,32}$/.test(value);

/** A random id of lower-case letters and digits that survives tables, blobs, queues and URLs alike; 5 bits a character. */
export function newId(length = 10): string {
  return letters(randomBytes(length));
}

/** A source of ids that follow from a seed: whoever has the seed gets the same ones, in the same order. */
export function idsFrom(seed: string): typeof newId {
  let n = 0;
  return (length = 10) =>
    letters(createHash("sha512").update(`${seed}.${n++}`).digest().subarray(0, length));
}

const letters = (bytes: Uint8Array) => Array.from(bytes, (byte) => ALPHABET[byte & 31]).join("");
