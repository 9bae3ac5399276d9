import { z } from "zod";
import { userMapViewSchema } from "../../shared/contracts/people.ts";
import { readUserMap } from "../domain/people/userMap.ts";
import { readUserMapText, replaceUserMapText } from "../stores/userMap.ts";
import { etagOf, Raw } from "./routing/answers.ts";
import { Invalid } from "./routing/problems.ts";
import { defineRoute, tagged } from "./routing/route.ts";

const MEGABYTES = 1_000_000;

defineRoute(
  {
    name: "getUserMap",
    method: "GET",
    route: "v1/user-map",
    role: "reader",
    tag: "settings",
    summary: "Downloads who people and groups of the sources are at the destination",
    produces: "text/csv",
  },
  async ({ app }) => {
    const text = await readUserMapText(app.state.plans);
    return new Raw({
      body: text,
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": 'attachment; filename="user-map.csv"',
        etag: etagOf(text),
      },
    });
  },
);

defineRoute(
  {
    name: "putUserMap",
    method: "PUT",
    route: "v1/user-map",
    role: "administrator",
    tag: "settings",
    summary: "Replaces the user map, or says of every row what is wrong with it",
    body: z.string(),
    consumes: ["text/csv"],
    asText: true,
    maxBytes: 50 * MEGABYTES,
    response: userMapViewSchema,
  },
  async ({ app, body, ifMatch }) => {
    const { rows, problems } = readUserMap(body);
    if (problems.length > 0)
      throw new Invalid(problems.map(({ row, message }) => ({ field: `row ${row}`, message })));
    await replaceUserMapText(app.state.plans, body, (now) => ifMatch.require(now));
    const groups = rows.filter(({ isGroup }) => isGroup).length;
    const domains = rows.filter(({ login }) => login.startsWith("@")).length;
    return tagged({ rows: rows.length, groups, domains }, body);
  },
);
