import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import type { RoundRecord } from "../records.ts";
import type { Row } from "./columns.ts";
import { type Failure, failureOf } from "./failures.ts";
import { roundLabel } from "./itemRows.ts";

type Kind = Outcome["kind"];
/** What became of an item: its result, or where it failed; `scanned`: it would be migrated. */
type Fate = "migrated" | "skipped" | "scanned" | Failure;

const KINDS: readonly Kind[] = ["file", "folder", "other"];
const FAILURES: readonly Failure[] = [
  "scan",
  "packing",
  "reading",
  "uploading",
  "submitting",
  "querying",
];
/** Failures that are known before anything is packaged. */
const EARLY: readonly Failure[] = ["scan", "packing"];

/** Counts outcomes by kind and fate; the rows of ItemSummary and ScanSummary are sums of these counts. */
export class RoundTally {
  private readonly counts = new Map<string, number>();

  add(outcome: Outcome): void {
    const key = `${outcome.kind} ${fateOf(outcome)}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  get items(): number {
    return this.count();
  }

  private count(kinds: readonly Kind[] = KINDS, fates?: readonly Fate[]): number {
    let sum = 0;
    for (const kind of kinds)
      for (const fate of fates ?? ["migrated", "skipped", "scanned", ...FAILURES])
        sum += this.counts.get(`${kind} ${fate}`) ?? 0;
    return sum;
  }

  /** Items of a kind that neither a rule nor an early failure keeps from being migrated. */
  private expected(kind: Kind): number {
    return this.count([kind]) - this.count([kind], ["skipped", ...EARLY]);
  }

  summaryRow(round: RoundRecord): Row {
    const of = (...fates: Fate[]) => this.count(KINDS, fates);
    const packaged = this.items - of("skipped", "scanned", ...EARLY);
    const read = packaged - of("reading");
    const uploaded = read - of("uploading");
    return {
      "Incremental round": roundLabel(round),
      Scanned: this.items,
      "Item scan failures": of("scan"),
      "Filtered out items": of("skipped", "scanned"),
      "Expected migrated file count": this.expected("file"),
      Read: read,
      Packaged: packaged,
      Uploaded: uploaded,
      ReUploaded: 0,
      Submitted: uploaded - of("submitting"),
      ReSubmitted: 0,
      Migrated: of("migrated"),
      "Failed reading": of("reading"),
      "Failed packing": of("packing"),
      "Failed uploading": of("uploading"),
      "Failed submitting": of("submitting"),
      "Failed querying": of("querying"),
      "Device name": round.agents.join("; "),
    };
  }

  scanRow(round: RoundRecord): Row {
    const folders = this.expected("folder");
    const files = this.expected("file");
    return {
      "Incremental round": roundLabel(round),
      "Total scanned items": this.items,
      "Total scanned folders": this.count(["folder"]),
      "Total scanned list items": 0,
      "Total scanned files": this.count(["file"]),
      "Folders with issues": this.count(["folder"], FAILURES),
      "Items with issues": this.count(["file", "other"], FAILURES),
      "Items filtered out": this.count(KINDS, ["skipped"]),
      "Folders to be migrated": folders,
      "Items to be migrated": files,
      "Total items to be migrated": folders + files,
      "Device name": round.agents.join("; "),
    };
  }
}

function fateOf(outcome: Outcome): Fate {
  if (outcome.result === "failed") return failureOf(outcome);
  return outcome.issue?.code === "SCAN_ONLY" ? "scanned" : outcome.result;
}
