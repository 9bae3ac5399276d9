import type { PlanInput } from "../../functions/domain/packages/plan.ts";
import type {
  AgentRecord,
  PackageRecord,
  RoundRecord,
  Target,
  TaskRecord,
} from "../../functions/domain/records.ts";
import { noTotals } from "../../functions/domain/rounds/roundTotals.ts";
import type { InventoryEntry, SegmentSummary } from "../../shared/contracts/inventory.ts";
import { settingsSchema } from "../../shared/contracts/settings.ts";

/* Rows and entries with the fields that a test does not care about filled in. */

/** The library "Documents" of a site "finance". */
export const target = (more: Partial<Target> = {}): Target => ({
  origin: "https://contoso.sharepoint.com/sites/finance",
  siteId: "0f1c8f3c-7c1a-4b6e-9a53-0d6a5d1b2e01",
  siteUrl: "/sites/finance",
  webId: "26d5536b-49fb-5f55-aa5f-7feb7732d508",
  webUrl: "/sites/finance",
  webRootFolderId: "26bb3079-c9ad-5a0d-bd2b-153237fa85e9",
  listId: "d59f6108-e121-5d90-a928-8e627cbf42b0",
  listTitle: "Documents",
  rootFolderId: "ab714ccd-9960-59ad-afab-80b5fcca4745",
  rootFolderUrl: "/sites/finance/Shared Documents",
  folders: [],
  ...more,
});

export const NOON = Date.UTC(2024, 5, 1, 12);

export const file = (path: string, more: Partial<InventoryEntry> = {}): InventoryEntry => ({
  ...{ path, kind: "file", size: 10, modified: NOON, created: NOON },
  ...more,
});
export const folder = (path: string, more: Partial<InventoryEntry> = {}): InventoryEntry => ({
  ...{ path, kind: "folder", size: 0, modified: NOON, created: NOON },
  ...more,
});

/** What an agent registers for these entries. */
export function summaryOf(
  segment: number,
  entries: readonly InventoryEntry[],
  blob = `run-e1-${segment.toString().padStart(6, "0")}.jsonl.gz`,
): SegmentSummary {
  const count = (wanted: (entry: InventoryEntry) => boolean) => entries.filter(wanted).length;
  return {
    ...{ segment, blob, items: entries.length },
    files: count(({ kind }) => kind === "file"),
    folders: count(({ kind }) => kind === "folder"),
    issues: count(({ issue }) => issue !== undefined),
    bytes: entries.reduce((sum, { size }) => sum + size, 0),
    first: entries[0]?.path ?? "",
    last: entries.at(-1)?.path ?? "",
  };
}

/** What a plan is made of, for a first round into an empty library. */
export const planInput = (more: Partial<PlanInput> = {}): PlanInput => ({
  round: 0,
  open: [],
  entries: [],
  earlier: new Map(),
  existing: new Map(),
  target: target(),
  settings: settingsSchema.parse({}),
  firstIntId: 1,
  ...more,
});

export const task = (more: Partial<TaskRecord> = {}): TaskRecord => ({
  id: "sess0000-task0000",
  sessionId: "sess0000",
  name: "Finance share",
  source: "/srv/finance",
  destination: {
    siteUrl: "https://contoso.sharepoint.com/sites/finance",
    library: "Documents",
    folder: "",
  },
  agentGroup: "default",
  settings: {},
  tags: [],
  state: "Queued",
  createdAt: new Date(NOON).toISOString(),
  nextIntId: 1,
  ...more,
});

export const round = (more: Partial<RoundRecord> = {}): RoundRecord => ({
  taskId: "sess0000-task0000",
  number: 0,
  run: "run000",
  state: "InProgress",
  startedAt: new Date(NOON).toISOString(),
  source: task().source,
  destination: task().destination,
  agentGroup: task().agentGroup,
  settings: settingsSchema.parse({}),
  intIdBase: 1,
  suspectSegments: 0,
  inventoryContainer: "inventory",
  ...noTotals(),
  agents: [],
  ...more,
});

export const pkg = (segment: number, more: Partial<PackageRecord> = {}): PackageRecord => ({
  summary: summaryOf(segment, [file(`f${segment}`)]),
  state: "scanned",
  attempt: 0,
  counted: 0,
  ...more,
});

/** An agent of the group "default" that has just been heard of. */
export const agent = (id: string, more: Partial<AgentRecord> = {}): AgentRecord => ({
  ...{ id, name: `name of ${id}`, group: "default", version: "1", platform: "test" },
  ...{ slots: 2, busy: 0, enabled: true, protocol: 1, sourceRoots: [], checks: [], work: [] },
  publicKey: { kty: "OKP", crv: "Ed25519", x: "x" },
  enrolledAt: new Date().toISOString(),
  lastSeenAt: new Date().toISOString(),
  ...more,
});
