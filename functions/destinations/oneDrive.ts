import { z } from "zod";
import { LongshoreError } from "../../shared/contracts/errors.ts";
import type { SharePointHttp } from "./http.ts";
import { isNowhere, isRefused, quoted, unwrapped } from "./odata.ts";

export const isEmail = (text: string): boolean => z.email().safeParse(text).success;

const profileSchema = z.object({ PersonalUrl: z.string().nullish() });

/**
 * URL of a person's OneDrive. The profile service knows it; the rule that SharePoint makes it by (`-my` host, every
 * character of the sign-in name but letters and digits a "_") is what is left where the app may not read profiles. `tenantUrl` is the
 * root of the tenant, "https://contoso.sharepoint.com".
 */
export async function oneDriveOf(
  http: SharePointHttp,
  email: string,
  tenantUrl: string | undefined,
): Promise<string> {
  if (!tenantUrl)
    throw new LongshoreError(
      "DESTINATION_NOT_FOUND",
      `the OneDrive of ${email} cannot be looked up: the app's setting SHAREPOINT_URL is missing`,
    );
  const root = new URL(tenantUrl).origin;
  const account = encodeURIComponent(quoted(`i:0#.f|membership|${email}`));
  const answer = await http.get(
    `${root}/_api/SP.UserProfiles.PeopleManager/GetPropertiesFor(accountName=@v)?@v=${account}&$select=PersonalUrl`,
  );
  const profile = profileSchema.safeParse(unwrapped(answer.body));
  const known = answer.status < 300 && profile.success ? profile.data.PersonalUrl : undefined;
  // Who has no OneDrive yet has the address of a page that would make one, which is no site.
  if (known && /\/personal\/[^/]+\/?$/.test(new URL(known, root).pathname))
    return known.replace(/\/+$/, "");
  if (answer.status >= 300 && !isRefused(answer) && !isNowhere(answer))
    throw new LongshoreError(
      "DESTINATION_UNREACHABLE",
      `the profile of ${email}: HTTP ${answer.status}`,
    );
  const host = root.replace(/^(https:\/\/[^.]+?)(?:-my)?(\.sharepoint\.)/, "$1-my$2");
  return `${host}/personal/${email.toLowerCase().replace(/[^a-z0-9]/g, "_")}`;
}
