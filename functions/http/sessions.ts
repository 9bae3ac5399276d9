import { type SessionView, sessionCreateSchema } from "../../shared/contracts/tasks.ts";
import { newId } from "../domain/ids.ts";
import { defineRoute } from "./route.ts";

defineRoute(
  "createSession",
  {
    method: "POST",
    route: "v1/sessions",
    caller: "administrator",
    body: sessionCreateSchema,
    status: 201,
  },
  async ({ app, body }): Promise<SessionView> => {
    const session = { id: newId(8), name: body.name, createdAt: new Date().toISOString() };
    await app.tasks.insertSession(session);
    return session;
  },
);

defineRoute(
  "listSessions",
  { method: "GET", route: "v1/sessions", caller: "administrator" },
  async ({ app }) => ({ sessions: await Array.fromAsync(app.tasks.listSessions()) }),
);
