import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A token as the managed identity of the app would get it. Not cached, unlike by the SDK, for which every data folder is the same machine. */
export async function identityToken(
  data: string,
  resource: string,
): Promise<{ token: string; expiresOnTimestamp: number }> {
  const { identity } = readJson(join(data, "ports.json"));
  const { identityHeader } = readJson(join(data, "secrets.json"));
  const url = `http://127.0.0.1:${identity}/msi/token?api-version=2019-08-01&resource=${encodeURIComponent(resource)}`;
  const answer = await fetch(url, { headers: { "x-identity-header": identityHeader } });
  const { access_token: token, expires_on } = (await answer.json()) as Record<string, string>;
  if (!token) throw new Error(`the identity endpoint answered ${answer.status}`);
  return { token, expiresOnTimestamp: Number(expires_on) * 1000 };
}

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8"));
