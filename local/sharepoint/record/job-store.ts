import type { DatabaseSync } from "node:sqlite";
import { transact } from "./database.ts";
import type { SealedSecrets } from "./sealed-secrets.ts";

export interface JobSecrets {
  dataContainerUri: string;
  metadataContainerUri: string;
  keyBase64: string;
}

export interface Job {
  id: string;
  site: string;
  webId: string;
  /** How often it was started; more than once only after the simulator was stopped in the middle of it. */
  attempts: number;
  secrets: JobSecrets;
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
       VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)`,
    ),
    byContainer: database.prepare(
      `SELECT id FROM jobs WHERE data_container IN (?1, ?2) OR metadata_container IN (?1, ?2)`,
    ),
    get: database.prepare("SELECT * FROM jobs WHERE id = ? AND site = ?"),
    unfinished: database.prepare(
      "SELECT * FROM jobs WHERE state IN ('queued', 'processing') ORDER BY queued_at, rowid",
    ),
    start: database.prepare(
      "UPDATE jobs SET state = 'processing', attempts = attempts + 1 WHERE id = ?",
    ),
    end: database.prepare("UPDATE jobs SET state = ?, secrets = NULL, ended_at = ? WHERE id = ?"),
    addEvent: database.prepare(
      `INSERT INTO events VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE job_id = ?1), ?2)`,
    ),
    events: database.prepare(
      "SELECT seq, body FROM events WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?",
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
    create(job: Job, dataContainer: string, metadataContainer: string): void {
      sql.insert.run(
        job.id,
        job.site,
        job.webId,
        dataContainer,
        metadataContainer,
        secrets.seal(job.secrets),
        new Date().toISOString(),
      );
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
        site: String(row.site),
        webId: String(row.web_id),
        attempts: Number(row.attempts),
        secrets: secrets.open<JobSecrets>(row.secrets as Uint8Array),
      }));
    },
    start: (id: string) => void sql.start.run(id),
    addEvent: (id: string, body: string) => void sql.addEvent.run(id, body),
    /** Writes the last events of a job and its end together: a crash leaves both or neither. */
    end(id: string, state: "ended" | "deleted", lastEvents: string[]): void {
      transact(database, () => {
        for (const body of lastEvents) sql.addEvent.run(id, body);
        sql.end.run(state, new Date().toISOString(), id);
      });
    },
    /** Events after `token`; the new token names the last of them, or is the old one if there is nothing new. */
    events(id: string, token: number): { bodies: string[]; nextToken: number } {
      const rows = sql.events.all(id.toLowerCase(), token, EVENTS_PER_PAGE);
      return {
        bodies: rows.map((row) => String(row.body)),
        nextToken: Number(rows.at(-1)?.seq ?? token),
      };
    },
    dropExpiredEvents: () => void sql.dropExpired.run(expiry()),
  };
}
