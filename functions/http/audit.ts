import { auditListSchema, auditQuerySchema } from "../../shared/contracts/audit.ts";
import { pageToken } from "./routing/paging.ts";
import { defineRoute } from "./routing/route.ts";

defineRoute(
  {
    name: "listAudit",
    method: "GET",
    route: "v1/audit",
    role: "administrator",
    tag: "administration",
    summary: "Lists who changed what, newest first, by task, actor and time",
    query: auditQuerySchema,
    response: auditListSchema,
  },
  async ({ app, query }) => {
    const { entries, next } = await app.audit.page({
      ...query,
      after: pageToken.read(query.after),
    });
    return { entries, ...(next !== undefined && { next: pageToken.of(next) }) };
  },
);
