import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpResponseInit } from "@azure/functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";
import { idsFrom, type newId } from "../../domain/ids.ts";
import type { Services } from "../../services.ts";
import { Invalid, STATUS } from "./problems.ts";

/** How long a request waits for an earlier one with the same key: until that counts as cut off, and a little more. */
const WAIT_MS = 20_000;
const POLL_MS = 150;

/** A creation as its caller sent it; two are the same when all of it is. */
export interface Creation {
  caller: string;
  key: string;
  /** Path and query. */
  target: string;
  body: string;
}

/**
 * Does a creation once, however often it is asked for under the same key: who repeats it gets the stored answer, who asks at the
 * same time waits for it. `create` is given a source of ids; when a process dies half way, the request that takes the creation
 * up is given the same ids in the same order (see IdempotencyStore).
 */
export async function idempotently(
  { idempotency }: Services,
  creation: Creation,
  create: (ids: typeof newId) => Promise<HttpResponseInit>,
): Promise<HttpResponseInit> {
  const { caller, key, target, body } = creation;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Invalid([
      { field: "Idempotency-Key", message: "must have 1 to 255 visible ASCII characters" },
    ]);
  const partition = hash(caller, key);
  const request = hash(target, body);
  for (const end = Date.now() + WAIT_MS; ; await sleep(POLL_MS)) {
    const claim = await idempotency.claim(partition, request, Date.now());
    if (claim.is === "other") throw new LongshoreError("IDEMPOTENCY_KEY_REUSED");
    if (claim.is === "done") {
      const { status, json, etag } = claim.answer;
      const headers = { "content-type": "application/json", ...(etag && { etag }) };
      return { status, headers, body: json };
    }
    if (claim.is === "ours") return createAndStore(idempotency, partition, claim, create);
    if (Date.now() > end)
      throw new LongshoreError("CONFLICT", "a request with this key is still being worked on");
  }
}

async function createAndStore(
  idempotency: Services["idempotency"],
  partition: string,
  { seed, holder }: { seed: string; holder: string },
  create: (ids: typeof newId) => Promise<HttpResponseInit>,
): Promise<HttpResponseInit> {
  try {
    const answer = await create(idsFrom(seed));
    const etag = (answer.headers as Record<string, string> | undefined)?.etag;
    const json = JSON.stringify(answer.jsonBody);
    await idempotency.finish(partition, holder, { status: answer.status ?? 200, json, etag });
    return answer;
  } catch (error) {
    const isRefused = error instanceof LongshoreError && (STATUS[error.code] ?? 500) < 500;
    if (isRefused) await idempotency.forget(partition, holder);
    else await idempotency.release(partition, holder);
    throw error;
  }
}

const hash = (...parts: string[]) => createHash("sha256").update(parts.join("\n")).digest("hex");
