/**
 * What is wrong with the SAS of a container, or undefined. MS docs "migration-azure": an own data container must be given
 * with Read and List only, an own metadata container with Read, List and Write only; else no job is created.
 */
export function whySasRefused(uri: URL, permissions: string, now = new Date()): string | undefined {
  const query = uri.searchParams;
  const granted = [...(query.get("sp") ?? "")].sort().join("");
  if (!query.has("sig")) return "has no SAS";
  if (granted !== [...permissions].sort().join("")) {
    return `must grant exactly "${permissions}", it grants "${query.get("sp") ?? ""}"`;
  }
  const resource = query.get("sr");
  if (resource !== "c") return `must be a SAS for a container (sr=c), it has sr=${resource}`;
  const start = query.get("st");
  if (start !== null && new Date(start) > now) return `starts only at ${start}`;
  const end = query.get("se");
  if (end !== null && new Date(end) <= now) return `has expired at ${end}`;
  return undefined;
}

/**
 * What is wrong with the SAS of an own queue, or undefined. MS docs "migration-azure": Add, Read and Update only; with other
 * rights the service is "unable to add events". A public demo grants Process too, and works.
 */
export function whyQueueRefused({ searchParams }: URL, isStrict: boolean): string | undefined {
  const granted = searchParams.get("sp") ?? "";
  if (isStrict && [...granted].sort().join("") !== "aru") return `must grant exactly "rau"`;
  return granted.includes("a") ? undefined : `must grant to add, it grants "${granted}"`;
}

/** The URL without its query: what names the container. */
export function containerOf(uri: URL): string {
  return `${uri.origin}${uri.pathname.replace(/\/$/, "")}`.toLowerCase();
}
