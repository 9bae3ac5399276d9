import type { DatabaseSync } from "node:sqlite";
import type { SealedSecrets } from "./sealed-secrets.ts";

interface JobSecrets {
  dataContainerUri: string;
  metadataContainerUri: string;
  /** Empty: the package is not encrypted. */
  keyBase64: string;
  /** Empty: events are not reported to a queue. */
  queueUri: string;
}

export interface Job {
  id: string;
  number: number;
  site: string;
  webId: string;
  /** How often it was started; more than once only after the simulator was stopped in the middle of it. */
  attempts: number;
  secrets: JobSecrets;
  queuedAt: Date;
}

export type JobState = "queued" | "processing" | "ended" | "deleted";

/** The service keeps the progress of a job for less than five days. */
const PROGRESS_KEPT_MS = 5 * 24 * 3600 * 1000;
const EVENTS_PER_PAGE = 500;

export type JobStore = ReturnType<typeof jobStore>;

/** Jobs and their events. Secrets of a job are removed the moment it ends. */
export function jobStore(database: DatabaseSync, secrets: SealedSecrets) {
  const sql = {
    insert: database.prepare(
      `INSERT INTO jobs (id, site, web_id, state, data_container, metadata_container, secrets, queued_at)
       VALUES (:id, :site, :webId, 'queued', :dataContainer, :metadataContainer, :sealed, :queuedAt)`,
    ),
    byContainer: database.prepare(
      `SELECT id FROM jobs WHERE data_container IN (?1, ?2) OR metadata_container IN (?1, ?2)`,
    ),
    get: database.prepare("SELECT * FROM jobs WHERE id = ? AND site = ?"),
    unfinished: database.prepare(
      "SELECT * FROM jobs WHERE state IN ('queued', 'processing') ORDER BY number",
    ),
    latest: database.prepare(
      "SELECT id, state FROM jobs WHERE site = ? ORDER BY number DESC LIMIT 5000",
    ),
    start: database.prepare(
      "UPDATE jobs SET state = 'processing', attempts = attempts + 1 WHERE id = ?",
    ),
    end: database.prepare("UPDATE jobs SET state = ?, secrets = NULL, ended_at = ? WHERE id = ?"),
    addEvent: database.prepare(
      `INSERT INTO events VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE job_id = ?1), ?2, ?3)`,
    ),
    events: database.prepare(
      "SELECT seq, body FROM events WHERE job_id = ? AND seq > ? AND due <= ? ORDER BY seq LIMIT ?",
    ),
    dropExpired: database.prepare(
      "DELETE FROM events WHERE job_id IN (SELECT id FROM jobs WHERE ended_at < ?)",
    ),
  };
  const expiry = () => new Date(Date.now() - PROGRESS_KEPT_MS).toISOString();

  return {
    /** Returns the id of the job that already uses one of the containers, if there is one. */
    usedBy(dataContainer: string, metadataContainer: string): string | undefined {
      const row = sql.byContainer.get(dataContainer, metadataContainer);
      return row && String(row.id);
    },
    create(
      job: Pick<Job, "id" | "site" | "webId" | "secrets">,
      dataContainer: string,
      metadataContainer: string,
    ): Job {
      const queuedAt = new Date();
      const { id, site, webId } = job;
      const { lastInsertRowid } = sql.insert.run({
        ...{ id, site, webId, dataContainer, metadataContainer },
        sealed: secrets.seal(job.secrets),
        queuedAt: queuedAt.toISOString(),
      });
      return { ...job, number: Number(lastInsertRowid), attempts: 0, queuedAt };
    },
    state(site: string, id: string): JobState | "expired" | undefined {
      const row = sql.get.get(id.toLowerCase(), site);
      if (!row) return undefined;
      const isExpired = row.ended_at !== null && String(row.ended_at) < expiry();
      return isExpired ? "expired" : (row.state as JobState);
    },
    /** Jobs to run after a start, oldest first: the queued ones and those that were interrupted. */
    unfinished(): Job[] {
      return sql.unfinished.all().map((row) => ({
        id: String(row.id),
        number: Number(row.number),
        site: String(row.site),
        webId: String(row.web_id),
        attempts: Number(row.attempts),
        secrets: secrets.open<JobSecrets>(row.secrets as Uint8Array),
        queuedAt: new Date(String(row.queued_at)),
      }));
    },
    /** The latest jobs of a site, none that has ended long ago. */
    states: (site: string) =>
      sql.latest.all(site).map((row) => ({ id: String(row.id), state: row.state as JobState })),
    start: (id: string) => void sql.start.run(id),
    /** Keeps an event that is reported `lateMs` from now. */
    addEvent: (id: string, body: string, lateMs: number) =>
      void sql.addEvent.run(id, body, Date.now() + lateMs),
    end: (id: string, state: "ended" | "deleted") =>
      void sql.end.run(state, new Date().toISOString(), id),
    /** Events after `token`; the new token names the last of them, or is the old one if there is nothing new. */
    events(id: string, token: number): { bodies: string[]; nextToken: number } {
      const rows = sql.events.all(id.toLowerCase(), token, Date.now(), EVENTS_PER_PAGE);
      return {
        bodies: rows.map((row) => String(row.body)),
        nextToken: Number(rows.at(-1)?.seq ?? token),
      };
    },
    /** All events of a job, due or not. */
    log: (id: string) =>
      sql.events.all(id, 0, Number.MAX_SAFE_INTEGER, -1).map((row) => String(row.body)),
    dropExpiredEvents: () => void sql.dropExpired.run(expiry()),
  };
}
