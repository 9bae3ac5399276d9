/**
 * What is wrong with the SAS of an own container, or undefined. MS docs "migration-azure": the data container must be
 * given with Read and List only, the metadata container with Read, List and Write only; else no job is created.
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

/** The URL without its query: what names the container. */
export function containerOf(uri: URL): string {
  return `${uri.origin}${uri.pathname.replace(/\/$/, "")}`.toLowerCase();
}
