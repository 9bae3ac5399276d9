import type { TableClient } from "@azure/data-tables";
import { type SettingsLayer, storedLayerSchema } from "../../shared/contracts/settingLevels.ts";
import { Documents } from "./storage/documents.ts";

const PARTITION = "settings";
const ROW = "global";

/** What is set for all sessions: one row, absent as long as nobody has set anything. */
export class SettingsStore {
  private readonly rows: Documents<SettingsLayer>;

  constructor(table: TableClient) {
    this.rows = new Documents<SettingsLayer>(table, storedLayerSchema);
  }

  async load(): Promise<SettingsLayer> {
    return (await this.rows.get(PARTITION, ROW))?.value ?? {};
  }

  /** Replaces everything that is set. `check` may refuse after seeing what is set now. */
  async replace(next: SettingsLayer, check: (now: SettingsLayer) => void): Promise<void> {
    const changed = await this.rows.update(PARTITION, ROW, (now) => {
      check(now);
      return next;
    });
    if (changed) return;
    check({});
    if (!(await this.rows.insert(PARTITION, ROW, next))) await this.replace(next, check);
  }
}
