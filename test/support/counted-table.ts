import type { TableClient } from "@azure/data-tables";
import { openTable } from "../../functions/stores/storage/documents.ts";

/** A table whose requests are counted: each is one storage transaction. */
export async function openCountedTable(
  connection: string,
  name: string,
): Promise<{ table: TableClient; count<T>(work: () => Promise<T>): Promise<[T, number]> }> {
  const table = await openTable(connection, name);
  let requests = 0;
  table.pipeline.addPolicy({
    name: "count",
    sendRequest(request, next) {
      requests++;
      return next(request);
    },
  });
  return {
    table,
    async count(work) {
      const before = requests;
      return [await work(), requests - before];
    },
  };
}
