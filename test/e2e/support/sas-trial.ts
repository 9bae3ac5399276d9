/** What the holder of a container's URL with a SAS can really do, found out by doing it, over the REST API of Blob storage. */

const TRIALS = {
  create: ["PUT", "new", ""],
  write: ["PUT", "there", ""],
  read: ["GET", "there", ""],
  list: ["GET", "", "restype=container&comp=list"],
  delete: ["DELETE", "there", ""],
  "delete the container": ["DELETE", "", "restype=container"],
  "open it to all": ["PUT", "", "restype=container&comp=acl"],
  "change its metadata": ["PUT", "", "restype=container&comp=metadata"],
} as const;
export type Right = keyof typeof TRIALS;

let trials = 0;

/** `there`: a blob that is in the container. */
export async function rightsOf(containerUrl: string, there: string): Promise<Right[]> {
  const rights: Right[] = [];
  for (const [right, [method, name, query]] of Object.entries(TRIALS)) {
    const blob = name === "new" ? `trial-${trials++}` : name && there;
    if (await may(method, containerUrl, blob, query)) rights.push(right as Right);
  }
  return rights;
}

/** Whether storage lets a request pass. Throws when it answers anything but yes or "not you". */
async function may(method: string, containerUrl: string, blob: string, query: string) {
  const url = new URL(containerUrl);
  if (blob) url.pathname += `/${blob}`;
  if (query) url.search = `${query}&${url.search.slice(1)}`;
  const answer = await fetch(url, {
    method,
    headers: {
      "x-ms-version": "2021-12-02",
      ...(method === "PUT" && !query && { "x-ms-blob-type": "BlockBlob" }),
    },
    ...(method === "PUT" && { body: "" }),
  });
  const text = await answer.text();
  if (answer.ok) return true;
  if (answer.status === 403 || answer.status === 401) return false;
  throw new Error(`${method} ${blob} ${query}: ${answer.status} ${text}`);
}

/** The same SAS with some of its words changed, or for something else. */
export function altered(containerUrl: string, changes: Record<string, string>, path?: string) {
  const url = new URL(containerUrl);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  if (path !== undefined) url.pathname = path;
  return url.href;
}
