import { Invalid } from "./problems.ts";

/**
 * Page tokens: what the next page begins with, in a form that nobody is tempted to read or make up. A token that was not ours
 * is refused.
 */
export const pageToken = {
  of: (key: string): string => Buffer.from(key, "utf8").toString("base64url"),

  read(token: string | undefined): string | undefined {
    if (token === undefined) return undefined;
    const key = Buffer.from(token, "base64url").toString("utf8");
    if (!/^[\x20-\x7d]{1,500}$/.test(key) || pageToken.of(key) !== token)
      throw new Invalid([{ field: "after", message: "is not the `next` of a page" }]);
    return key;
  },
};
