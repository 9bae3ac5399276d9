/** What a link's source or target address means. Letter case does not count. */
export type Address =
  | { kind: "cbs" }
  | { kind: "management" | "queue"; path: string; queue: string; deadLetter: boolean };

/** Reads addresses such as `q1`, `q1/$management`, `q1/$DeadLetterQueue/$management`, with or without a URL before. */
export function parseAddress(address: string | undefined): Address {
  const path = (address ?? "").replace(/^(?:amqps?|sb):\/\/[^/]*/i, "").replace(/^\/+/, "");
  if (path.toLowerCase() === "$cbs") return { kind: "cbs" };
  const entity = path.replace(/\/\$management$/i, "");
  const queue = entity.replace(/\/\$deadletterqueue$/i, "");
  const kind = entity === path ? "queue" : "management";
  return { kind, path, queue, deadLetter: queue !== entity };
}
