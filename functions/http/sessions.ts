import {
  type SessionView,
  sessionCreateSchema,
  sessionListQuerySchema,
  sessionListSchema,
  sessionPatchSchema,
  sessionSummarySchema,
  sessionViewSchema,
  tagListSchema,
} from "../../shared/contracts/sessions.ts";
import type { SessionRecord } from "../domain/records.ts";
import { requireSession } from "../operations/require.ts";
import { deleteSession } from "../operations/sessions/deleteSession.ts";
import { summarise } from "../operations/sessions/summarise.ts";
import { countsOf } from "../stores/taskIndex/taskCounts.ts";
import { pageToken } from "./routing/paging.ts";
import { defineRoute, tagged } from "./routing/route.ts";

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
    const { name, settings } = body;
    const session: SessionRecord = {
      id: newId(8),
      name,
      ...(settings && { settings }),
      createdAt: new Date().toISOString(),
    };
    // Repeated by the same key, it is there already.
    await app.tasks.insertSession(session);
    return showSession((await app.tasks.findSession(session.id)) ?? session);
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
    query: sessionListQuerySchema,
    response: sessionListSchema,
  },
  async ({ app, query }) => {
    const after = pageToken.read(query.after) ?? "";
    const sessions: SessionView[] = [];
    for await (const session of app.tasks.listSessions({ after, pageSize: query.limit + 1 })) {
      if (sessions.length === query.limit)
        return { sessions, next: pageToken.of(sessions.at(-1)?.id ?? "") };
      sessions.push(viewSession(session));
    }
    return { sessions };
  },
);

defineRoute(
  {
    name: "getSession",
    method: "GET",
    route: "v1/sessions/{session}",
    role: "reader",
    tag: "sessions",
    summary: "Shows a session and what it sets for its tasks",
    response: sessionViewSchema,
  },
  async ({ app, params }) => showSession(await requireSession(app, params.session)),
);

defineRoute(
  {
    name: "patchSession",
    method: "PATCH",
    route: "v1/sessions/{session}",
    role: "operator",
    tag: "sessions",
    summary:
      "Changes a session; settings are replaced as a whole and count from each task's next round on",
    body: sessionPatchSchema,
    response: sessionViewSchema,
  },
  async ({ app, params, body, ifMatch }) => {
    const changed = await app.tasks.updateSession(params.session, (session) => {
      ifMatch.require(viewSession(session));
      const { name = session.name, settings = session.settings } = body;
      return { ...session, name, ...(settings && { settings }) };
    });
    return showSession(changed ?? (await requireSession(app, params.session)));
  },
);

defineRoute(
  {
    name: "deleteSession",
    method: "DELETE",
    route: "v1/sessions/{session}",
    role: "operator",
    tag: "sessions",
    summary:
      "Deletes a session with all its tasks, none of which may be open; what they migrated stays",
  },
  async ({ app, params, ifMatch }) => {
    await deleteSession(app, params.session, (session) => ifMatch.require(viewSession(session)));
  },
);

defineRoute(
  {
    name: "getSessionSummary",
    method: "GET",
    route: "v1/sessions/{session}/summary",
    role: "reader",
    tag: "sessions",
    summary: "Counts the tasks by state and group, and what their last rounds have brought",
    response: sessionSummarySchema,
  },
  async ({ app, params }) => {
    await requireSession(app, params.session);
    return summarise(app, params.session);
  },
);

defineRoute(
  {
    name: "listTags",
    method: "GET",
    route: "v1/sessions/{session}/tags",
    role: "reader",
    tag: "sessions",
    summary: "Lists the tags of a session's tasks",
    response: tagListSchema,
  },
  async ({ app, params }) => {
    await requireSession(app, params.session);
    const counts = countsOf(await app.tasks.counts(params.session), "tag");
    const tags = counts.map(([tag, tasks]) => ({ tag, tasks }));
    return { tags: tags.sort((one, other) => (one.tag < other.tag ? -1 : 1)) };
  },
);

const viewSession = ({ id, name, settings, createdAt }: SessionRecord): SessionView => ({
  id,
  name,
  ...(settings && { settings }),
  createdAt,
});

const showSession = (session: SessionRecord) => tagged(viewSession(session), viewSession(session));
