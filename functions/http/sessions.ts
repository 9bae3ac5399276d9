import {
  sessionCreateSchema,
  sessionListSchema,
  sessionViewSchema,
} from "../../shared/contracts/sessions.ts";
import { defineRoute } from "./route.ts";

defineRoute(
  {
    name: "createSession",
    method: "POST",
    route: "v1/sessions",
    role: "operator",
    tag: "sessions",
    summary: "Creates a session",
    body: sessionCreateSchema,
    response: sessionViewSchema,
    status: 201,
    idempotent: true,
  },
  async ({ app, body, newId }) => {
    const session = { id: newId(8), name: body.name, createdAt: new Date().toISOString() };
    await app.tasks.insertSession(session);
    return session;
  },
);

defineRoute(
  {
    name: "listSessions",
    method: "GET",
    route: "v1/sessions",
    role: "reader",
    tag: "sessions",
    summary: "Lists the sessions",
    response: sessionListSchema,
  },
  async ({ app }) => ({ sessions: await Array.fromAsync(app.tasks.listSessions()) }),
);
