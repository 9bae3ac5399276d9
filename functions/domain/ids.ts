import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Whether something can be an id of ours: what comes from outside must not become a key of a table unseen. */
export const isId = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-hjkmnp-tv-z]{4,32}$/.test(value);

/** A random id of lower-case letters and digits that survives tables, blobs, queues and URLs alike; 5 bits a character. */
export function newId(length = 10): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte & 31]).join("");
}
