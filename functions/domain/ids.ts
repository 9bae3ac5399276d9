import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A random id of lower-case letters and digits that survives tables, blobs, queues and URLs alike; 5 bits a character. */
export function newId(length = 10): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte & 31]).join("");
}
