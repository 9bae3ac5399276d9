import { z } from "zod";
import type { Resolved } from "../domain/people/packagePeople.ts";
import type { Target } from "../domain/records.ts";
import type { Answer, SharePointHttp } from "./http.ts";
import { expectAnswer, isNowhere, isRefused, messageOf } from "./odata.ts";
import { webOf } from "./urls.ts";

const userSchema = z.object({
  LoginName: z.string().min(1).max(255),
  Title: z.string().nullish(),
  Email: z.string().nullish(),
  /** SP.PrincipalType: 1 is a person; 4 and 2 are groups of the directory. */
  PrincipalType: z.number().optional(),
});

/**
 * Who a login is at the destination. Somebody whom the site has not seen before becomes one of its users, without any right.
 * Nobody, and somebody whom the app may not look up, is a reason, never an error.
 */
export async function ensureUser(
  http: SharePointHttp,
  target: Target,
  { login, isGroup }: { login: string; isGroup: boolean },
): Promise<Resolved> {
  const body = { logonName: login };
  // Not repeated here: most of its 500s say that there is nobody, which no repetition changes.
  const answer = await http.post(`${webOf(target)}/_api/web/ensureuser`, body, { once: true });
  if (isNobody(answer)) return { why: `nobody at the destination is ${login}` };
  if (isRefused(answer)) return { why: `SharePoint refused to look it up: ${messageOf(answer)}` };
  const user = expectAnswer(answer, userSchema, `the user ${login}`);
  return {
    login: user.LoginName,
    name: plain(user.Title) || login,
    email: plain(user.Email),
    isGroup: user.PrincipalType === undefined ? isGroup : isGroup || user.PrincipalType !== 1,
  };
}

/** SPException: "The specified user … could not be found", in the language of the site. */
const isNobody = (answer: Answer) =>
  isNowhere(answer) ||
  (answer.status === 500 && JSON.stringify(answer.body).includes("-2146232832"));

/** What a manifest can carry of a display name. */
const plain = (text: string | null | undefined) =>
  (text ?? "").replace(/\p{C}/gu, "").trim().slice(0, 255);
