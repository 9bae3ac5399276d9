/**
 * One process of the app that asks SharePoint things, as many at once as it has lanes, until it has had its answers. Arguments, as JSON:
 * the storage connection, the table of the budget, the URL to ask, how many answers, how many lanes.
 */
import { SharePointHttp } from "../../functions/destinations/http.ts";
import { openTable } from "../../functions/stores/storage/documents.ts";
import { ThrottleStore } from "../../functions/stores/throttle.ts";

const { connection, table, url, answers, lanes } = JSON.parse(process.argv[2] ?? "");
const credential = {
  getToken: async () => ({ token: "token", expiresOnTimestamp: Date.now() + 3_600_000 }),
};
const http = new SharePointHttp(credential, new ThrottleStore(await openTable(connection, table)));
let left = answers;
async function ask(): Promise<void> {
  while (left-- > 0) {
    const { status } = await http.get(url);
    if (status !== 200) throw new Error(`HTTP ${status}`);
  }
}
await Promise.all(Array.from({ length: lanes }, ask));
