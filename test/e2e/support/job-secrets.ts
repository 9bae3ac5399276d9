import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sealedSecrets } from "../../../local/sharepoint/record/sealed-secrets.ts";

/** What SharePoint was given with a job. It knows that only until the job ends. */
export interface JobSecrets {
  dataContainerUri: string;
  metadataContainerUri: string;
  keyBase64: string;
}

/** The jobs that wait at the local SharePoint, or run there, by id. */
export function openJobs(data: string): Map<string, JobSecrets> {
  const folder = join(data, "sharepoint");
  const file = join(folder, "sharepoint.sqlite");
  if (!existsSync(file)) return new Map();
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const { open } = sealedSecrets(folder);
    const rows = database.prepare("SELECT id, secrets FROM jobs WHERE secrets IS NOT NULL").all();
    return new Map(
      rows.map(({ id, secrets }) => [String(id), open<JobSecrets>(secrets as Uint8Array)]),
    );
  } finally {
    database.close();
  }
}
