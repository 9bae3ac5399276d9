import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { HttpResponseInit } from "@azure/functions";
import { LongshoreError } from "../../../shared/contracts/errors.ts";

/** An answer that is no JSON. */
export class Raw {
  readonly response: HttpResponseInit;

  constructor(response: HttpResponseInit) {
    this.response = response;
  }
}

/** A value together with the version of the resource that it shows. */
export class Tagged<T> {
  readonly value: T;
  readonly etag: string;
  /** Two answers with the same ETag are the same: false when it tells versions of a part only. */
  readonly isWhole: boolean;

  constructor(value: T, etag: string, isWhole = true) {
    this.value = value;
    this.etag = etag;
    this.isWhole = isWhole;
  }
}

/** A value with what the audit trail says of the change beside the ids in the URL; without ids nothing was changed. */
export class Noted<T> {
  readonly value: T;
  readonly ids: Record<string, string> | undefined;

  constructor(value: T, ids: Record<string, string> | undefined) {
    this.value = value;
    this.ids = ids;
  }
}

/** Answers with what is there: nothing had to be done, so the audit trail has nothing of it. */
export const unchanged = <T>(value: T): Noted<T> => new Noted(value, undefined);

/**
 * Answers with an `ETag`. `version` is whatever tells two versions of the resource apart: its row, or the parts of it that
 * people can change. It has to be the same thing that `ifMatch.require` is given.
 */
export const tagged = <T>(value: T, version: unknown): Tagged<T> =>
  new Tagged(value, etagOf(version));

/** The same for a resource that also shows what nobody changes by hand, such as progress: never answered with 304. */
export const taggedPart = <T>(value: T, version: unknown): Tagged<T> =>
  new Tagged(value, etagOf(version), false);

/** The answer to HEAD: that to GET without its body (RFC 9110, 9.3.2). */
export function headOf({ body, jsonBody, ...answer }: HttpResponseInit): HttpResponseInit {
  if (body instanceof Readable) body.destroy();
  const type = jsonBody !== undefined && { "content-type": "application/json" };
  return { ...answer, headers: { ...type, ...(answer.headers as Record<string, string>) } };
}

export const etagOf = (version: unknown): string =>
  `"${createHash("sha256").update(JSON.stringify(version)).digest("base64url").slice(0, 22)}"`;

/** What the caller saw last of the resource that it changes (RFC 9110, 13.1.1). */
export class IfMatch {
  private readonly header: string | null;

  constructor(header: string | null) {
    this.header = header;
  }

  /** Refuses when the resource is another one by now. Call it within the update, where nobody can write in between. */
  require(version: unknown): void {
    if (this.header === null || matches(this.header, etagOf(version))) return;
    throw new LongshoreError("PRECONDITION_FAILED");
  }
}

/** Whether a header has the ETag, or `*`; also without the quotes, which scripts lose. */
export const matches = (header: string, etag: string): boolean =>
  header.split(",").some((each) => {
    const tag = each.trim().replace(/^W\//, "");
    return tag === "*" || bare(tag) === bare(etag);
  });

const bare = (tag: string) => tag.replace(/^"(.*)"$/, "$1");
