import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { newId } from "../domain/ids.ts";
import type { EnrolmentTokenRecord } from "../domain/records.ts";

const hashOf = (secret: string) => createHash("sha256").update(secret).digest("base64");

/** A new token and the row that will recognise it. The token is shown once and stored nowhere. */
export function newEnrolmentToken(
  { uses, validHours, group }: { uses: number; validHours: number; group?: string | undefined },
  now: number,
): { token: string; record: EnrolmentTokenRecord } {
  const id = newId();
  const secret = randomBytes(24).toString("base64url");
  const expires = new Date(now + validHours * 3600_000).toISOString();
  const createdAt = new Date(now).toISOString();
  const record = { id, hash: hashOf(secret), uses, expires, createdAt, ...(group && { group }) };
  return { token: `${id}.${secret}`, record };
}

/** The id of a token and a check of its secret against a stored hash. */
export function parseEnrolmentToken(token: string): {
  id: string;
  matches: (hash: string) => boolean;
} {
  const [id = "", secret = ""] = token.split(".", 2);
  return {
    id,
    matches: (hash) => {
      const [ours, theirs] = [Buffer.from(hash, "base64"), Buffer.from(hashOf(secret), "base64")];
      return ours.length === theirs.length && timingSafeEqual(ours, theirs);
    },
  };
}
