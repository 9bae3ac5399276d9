import { type OpenData, openData } from "./storage.ts";

export interface WrappedKey {
  id: string;
  wrapped: string;
}
interface PackageRow {
  attempt: number;
  containers?: { data: string; manifest: string; lent?: boolean };
  key?: WrappedKey;
}

export async function packageRows({ table }: OpenData): Promise<PackageRow[]> {
  const filter = "RowKey ge 'package-' and RowKey lt 'package.'";
  const rows: PackageRow[] = [];
  const entities = table("LongshoreRounds").listEntities<{ data: string }>({
    queryOptions: { filter },
  });
  for await (const { data } of entities) rows.push(JSON.parse(data));
  return rows;
}

/** Notes the keys of packages, by their container of contents, as long as they are stored: until a package is recorded. */
export function watchKeys(data: string) {
  const found = new Map<string, WrappedKey>();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      // Until there is something to look into.
      const rows = await Promise.resolve(data)
        .then(openData)
        .then(packageRows)
        .catch(() => []);
      for (const { containers, key } of rows)
        if (containers && key) found.set(containers.data, key);
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return found;
    },
  };
}
