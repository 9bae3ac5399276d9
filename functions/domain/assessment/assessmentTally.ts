import type { Amount } from "../../../shared/contracts/amounts.ts";
import {
  type Assessment,
  WARNINGS,
  type WarningCode,
} from "../../../shared/contracts/assessment.ts";
import { errorDefinition } from "../../../shared/contracts/errors.ts";
import type { Outcome } from "../../../shared/contracts/outcomes.ts";
import {
  ADVISED_UNIQUE_PERMISSIONS,
  LONG_PATH,
  MAX_LOCAL_PATH,
  MAX_UNIQUE_PERMISSIONS,
} from "../../../shared/rules/limits.ts";
import { isThicketFolder } from "../../../shared/rules/names.ts";
import { baseName, extensionOf, joinPath } from "../../../shared/rules/paths.ts";
import { destinationFolder, destinationPathOf, placeInLibrary } from "../packages/places.ts";
import { isFiltered } from "../packages/standing.ts";
import type { RoundRecord } from "../records.ts";
import { AGE_CLASSES, ageClass, countClass, sizeClass } from "./classes.ts";
import { Largest } from "./largest.ts";

const LARGEST_FILES = 20;
const EXAMPLES = 5;
/** Extensions that are counted one by one, and that are shown. */
const EXTENSIONS = 5_000;
const SHOWN_EXTENSIONS = 100;

/** Counts until the end, when it is clear how many there are. */
const UNIQUE = "UNIQUE_PERMISSIONS";

type Files = { files: number; bytes: number };
type Issues = Map<string, { keepsBack: boolean; items: number; examples: string[] }>;

/** How long an item's path is at the destination, and on a computer that syncs the library. */
export interface PathLengths {
  length: number;
  localLength: number;
  isLong: boolean;
}

/** Adds up the outcomes of a round to what its scan says about the source; memory does not grow with their number. */
export class AssessmentTally {
  private readonly round: RoundRecord;
  private readonly folder: string;
  private readonly scannedAt: number;
  private readonly kinds = { file: 0, folder: 0, other: 0 };
  private bytes = 0;
  private readonly fates: Record<Fate, Amount> = {
    toMigrate: none(),
    alreadyThere: none(),
    leftOut: none(),
    keptBack: none(),
  };
  private longest: Assessment["longestPath"];
  private readonly largest = new Largest<Assessment["largestFiles"][number]>(LARGEST_FILES);
  private readonly extensions = new Map<string, Files>();
  private readonly otherExtensions: Files = { files: 0, bytes: 0 };
  private readonly ages = new Map<string, Files>(
    AGE_CLASSES.map((age) => [age, { files: 0, bytes: 0 }]),
  );
  private readonly issues: Issues = new Map();

  constructor(round: RoundRecord) {
    this.round = round;
    this.folder = round.target ? destinationFolder(round.target) : "";
    this.scannedAt = Date.parse(round.startedAt);
  }

  /** Counts an item; tells how long its paths are. `isUnique`: it gets permissions of its own. */
  add(outcome: Outcome, isUnique = false): PathLengths {
    const { path, kind, size, issue } = outcome;
    this.kinds[kind]++;
    this.bytes += size;
    const fate = fateOf(outcome);
    this.fates[fate].items++;
    this.fates[fate].bytes += size;
    if (fate === "keptBack" && issue) this.note(issue.code, path, true);
    if (isUnique) this.note(UNIQUE, path, false);

    const lengths = this.lengthsOf(outcome);
    if (kind === "file") this.addFile(outcome);
    if (fate !== "leftOut") this.addPath(outcome, lengths, fate);
    return lengths;
  }

  private addFile({ path, size, modified }: Outcome): void {
    this.largest.add({ path, bytes: size }, size);
    count(this.ages.get(ageClass(this.scannedAt - modified)) as Files, size);
    const extension = extensionOf(path).toLowerCase();
    let known = this.extensions.get(extension);
    if (!known && this.extensions.size < EXTENSIONS) {
      known = { files: 0, bytes: 0 };
      this.extensions.set(extension, known);
    }
    count(known ?? this.otherExtensions, size);
  }

  private addPath({ path, kind }: Outcome, lengths: PathLengths, fate: Fate): void {
    const { length, localLength } = lengths;
    if (length > (this.longest?.length ?? 0)) this.longest = { length, path };
    if (fate === "keptBack") return;
    if (length > LONG_PATH) this.note("LONG_PATH", path, false);
    if (localLength > MAX_LOCAL_PATH) this.note("LONG_LOCAL_PATH", path, false);
    if (kind === "folder" && isThicketFolder(baseName(path)))
      this.note("COMPANION_FOLDER", path, false);
  }

  private lengthsOf(outcome: Outcome): PathLengths {
    const { target, settings } = this.round;
    const { length } = joinPath(this.folder, destinationPathOf(outcome));
    const below = target ? placeInLibrary(target, outcome) : outcome.path;
    const localLength = settings.syncRoot.length + 1 + below.length;
    return { length, localLength, isLong: length > LONG_PATH || localLength > MAX_LOCAL_PATH };
  }

  private note(code: string, path: string, keepsBack: boolean): void {
    const known = this.issues.get(code) ?? { keepsBack, items: 0, examples: [] };
    this.issues.set(code, known);
    known.items++;
    if (known.examples.length < EXAMPLES) known.examples.push(path);
  }

  result(): Assessment {
    this.judgePermissions();
    const { file, folder, other } = this.kinds;
    const extensions = [...this.extensions].map(([extension, files]) => ({ extension, ...files }));
    extensions.sort((a, b) => b.bytes - a.bytes || b.files - a.files);
    const otherExtensions = { ...this.otherExtensions };
    for (const { files, bytes } of extensions.slice(SHOWN_EXTENSIONS)) {
      otherExtensions.files += files;
      otherExtensions.bytes += bytes;
    }
    return {
      readiness: this.readiness(),
      ...{ files: file, folders: folder, others: other, bytes: this.bytes },
      ...this.fates,
      sizeClass: sizeClass(this.bytes),
      countClass: countClass(file + folder),
      ...(this.longest && { longestPath: this.longest }),
      largestFiles: this.largest.values,
      extensions: extensions.slice(0, SHOWN_EXTENSIONS),
      otherExtensions,
      ages: [...this.ages].map(([age, files]) => ({ age, ...files })),
      issues: [...this.issues]
        .map(([code, issue]) => ({ code, ...issue, ...meaningOf(code) }))
        .sort((a, b) => Number(b.keepsBack) - Number(a.keepsBack) || b.items - a.items),
    };
  }

  /** Permissions of items' own are nothing to speak of, unless there are many. */
  private judgePermissions(): void {
    const unique = this.issues.get(UNIQUE);
    if (!unique) return;
    this.issues.delete(UNIQUE);
    if (unique.items > MAX_UNIQUE_PERMISSIONS)
      this.issues.set("TOO_MANY_UNIQUE_PERMISSIONS", unique);
    else if (unique.items > ADVISED_UNIQUE_PERMISSIONS)
      this.issues.set("MANY_UNIQUE_PERMISSIONS", unique);
  }

  private readiness(): Assessment["readiness"] {
    const { toMigrate, alreadyThere, keptBack } = this.fates;
    const comes = toMigrate.items + alreadyThere.items;
    if (this.round.failure || (keptBack.items > 0 && comes === 0)) return "Error";
    return this.issues.size > 0 ? "Warning" : "Ready";
  }
}

type Fate = "toMigrate" | "alreadyThere" | "leftOut" | "keptBack";

function fateOf({ result, issue, arrived }: Outcome): Fate {
  if (result === "failed") return "keptBack";
  if (result === "migrated" || issue?.code === "SCAN_ONLY") return "toMigrate";
  if (issue && isFiltered(issue.code)) return "leftOut";
  return arrived || issue?.code === "EXISTS_AT_DESTINATION" ? "alreadyThere" : "leftOut";
}

const meaningOf = (code: string): { cause: string; remedy: string } => {
  const { cause, remedy } =
    code in WARNINGS
      ? WARNINGS[code as WarningCode]
      : errorDefinition(code as Parameters<typeof errorDefinition>[0]);
  return { cause, remedy };
};

const none = (): Amount => ({ items: 0, bytes: 0 });

function count(sum: Files, bytes: number): void {
  sum.files++;
  sum.bytes += bytes;
}
