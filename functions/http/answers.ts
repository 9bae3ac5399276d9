import { createHash } from "node:crypto";
import type { HttpResponseInit } from "@azure/functions";
import { LongshoreError } from "../../shared/contracts/errors.ts";

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

  constructor(value: T, etag: string) {
    this.value = value;
    this.etag = etag;
  }
}

/**
 * Answers with an `ETag`. `version` is whatever tells two versions of the resource apart: its row, or the parts of it that
 * people can change. It has to be the same thing that `ifMatch.require` is given.
 */
export const tagged = <T>(value: T, version: unknown): Tagged<T> =>
  new Tagged(value, etagOf(version));

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

export const matches = (header: string, etag: string): boolean =>
  header.split(",").some((each) => ["*", etag].includes(each.trim().replace(/^W\//, "")));
