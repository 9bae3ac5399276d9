const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** True for the 8-4-4-4-12 form without braces, the only one that the Migration API takes. */
export function isGuid(text: unknown): text is string {
  return typeof text === "string" && GUID.test(text);
}
