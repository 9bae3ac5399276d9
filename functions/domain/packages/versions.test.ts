import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Issue, Version } from "../../../shared/contracts/inventory.ts";
import { outcomeSchema } from "../../../shared/contracts/outcomes.ts";
import type { StoredContent, UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { versionId } from "../../../shared/package/ids.ts";
import { writeManifests } from "../../../shared/package/manifest/index.ts";
import { MAX_FILE_BYTES } from "../../../shared/rules/limits.ts";
import { file, folder, NOON, planInput, round, target } from "../../../test/support/records.ts";
import { acceptUpload } from "./acceptUpload.ts";
import { packageOutcomes } from "./outcomes.ts";
import { packageManifest, type UploadedContent } from "./packageManifest.ts";
import { type Plan, planSegment } from "./plan.ts";
import { leftOutIssue, versionsToBring } from "./versions.ts";

const HOUR = 3_600_000;
/** As the content was so many hours ago. */
const version = (hours: number, size = hours): Version => ({
  ...{ snapshot: `hourly.${hours}`, size, modified: NOON - hours * HOUR },
});
const three = [version(3), version(2), version(1)];
const planOf = (...versions: Version[]): Plan =>
  planSegment(planInput({ entries: [folder("a"), file("a/f", { versions })] }));

const stored = (blob: string, more: object = {}) => ({ blob, iv: "aXY=", md5: "bWQ1", ...more });
const uploaded = (more: Partial<UploadedContent> = {}): UploadedFile => ({
  ...{ status: "uploaded", index: 1, size: 10, modified: NOON, ...stored("now.dat"), ...more },
});
const storedVersion = (of: Version, more: object = {}): StoredContent & Version => ({
  ...{ ...of, ...stored(`${of.snapshot}.dat`, more) },
});
const result = (...files: UploadedFile[]): UploadResult => ({
  ...{ kind: "upload", files, archives: [{ name: "pack0.zip", checksum: "Y2hlY2s=" }] },
});
const unread: Issue = { code: "SOURCE_READ_FAILED", message: "EIO" };
const leftOut = ({ snapshot }: Version, issue = unread) => ({ snapshot, issue });

describe("the versions of a plan", () => {
  it("are those of the entry, of what is migrated", () => {
    expect(planOf(...three).items[1]).toMatchObject({ action: "migrate", versions: three });
  });

  it("are each brought once, and not again what is there now", () => {
    const again = { ...version(3), snapshot: "daily" };
    const now = { snapshot: "late", size: 10, modified: NOON };
    const entry = file("f", { versions: [version(3), again, version(2), now] });
    expect(versionsToBring(entry)).toEqual({ versions: [version(3), version(2)] });
  });

  it("are without what SharePoint cannot store", () => {
    const old = { snapshot: "old", size: 1, modified: Date.UTC(1800, 0) };
    const large = { snapshot: "large", size: MAX_FILE_BYTES + 1, modified: NOON - 1 };
    const { versions, versionsLeftOut } = versionsToBring(
      file("f", { versions: [old, version(1), large] }),
    );
    expect(versions).toEqual([version(1)]);
    expect(versionsLeftOut).toMatchObject([
      { snapshot: "old", issue: { code: "TIME_NOT_SUPPORTED" } },
      { snapshot: "large", issue: { code: "FILE_TOO_LARGE" } },
    ]);
  });

  it("are of no interest where the file does not come", () => {
    const earlier = packageOutcomes(planOf(), result(uploaded()), () => undefined, {
      ...{ round: 0, segment: 0 },
    });
    const input = planInput({
      entries: [file("a/f", { versions: three })],
      earlier: new Map(earlier.map((outcome) => [outcome.path, outcome])),
    });
    const [item] = planSegment(input).items;
    expect(item).toMatchObject({ action: "skip", issue: { code: "UNCHANGED" } });
    expect(item).not.toHaveProperty("versions");
  });

  it("are counted by a round that only scans", () => {
    const settings = { ...round().settings, scanOnly: true };
    const input = planInput({ entries: [file("f", { versions: three })], settings });
    const [item] = planSegment(input).items;
    expect(item?.issue?.message).toBe("would be migrated with 3 older versions");
    expect(item).not.toHaveProperty("versions");
  });
});

describe("the versions of an upload", () => {
  const plan = planOf(...three);
  const all = three.map((each) => storedVersion(each));

  it("are taken as they are when they are those of the plan", () => {
    for (const good of [
      uploaded({ versions: all }),
      uploaded({ versions: all.slice(1), versionsLeftOut: [leftOut(version(3))] }),
      uploaded({ versionsLeftOut: three.map((each) => leftOut(each)) }),
      uploaded({ versions: three.map((each) => storedVersion(each, { archive: "pack0.zip" })) }),
    ])
      expect(acceptUpload(plan, result(good)).files).toEqual([good]);
  });

  it.each<[string, Partial<UploadedContent>]>([
    ["says nothing about them", {}],
    ["says nothing about one", { versions: all.slice(1) }],
    ["has another order", { versions: all.toReversed() }],
    ["names one twice", { versions: [...all, ...all.slice(2)] }],
    ["names one that was not asked for", { versions: [...all, storedVersion(version(0.5))] }],
    ["has another size of one", { versions: [...all.slice(0, 2), storedVersion(version(1, 7))] }],
    ["both has one and has it not", { versions: all, versionsLeftOut: [leftOut(version(1))] }],
    [
      "leaves out what was not asked for",
      { versions: all, versionsLeftOut: [leftOut(version(0.5))] },
    ],
    [
      "leaves one out twice",
      { versions: all.slice(1), versionsLeftOut: [leftOut(version(3)), leftOut(version(3))] },
    ],
  ])("are refused when it %s", (_what, said) => {
    expect(() => acceptUpload(plan, result(uploaded(said)))).toThrow(
      "the versions of file 1 are not those of the package",
    );
  });

  it("are refused in blobs of others, and in archives that are not there", () => {
    const [first, second, third] = all as [
      StoredContent & Version,
      StoredContent & Version,
      StoredContent & Version,
    ];
    for (const [versions, message] of [
      [[first, second, { ...third, blob: "now.dat" }], "blob now.dat is named twice"],
      [[first, second, { ...third, archive: "no.zip" }], "archive no.zip, which is not stored"],
    ] as const)
      expect(() => acceptUpload(plan, result(uploaded({ versions: [...versions] })))).toThrow(
        message,
      );
  });

  it("are without the one that the file was changed back to", () => {
    const back = { size: 2, modified: version(2).modified, versions: all };
    const [accepted] = acceptUpload(plan, result(uploaded(back))).files;
    expect(accepted).toMatchObject({ versions: [all[0], all[2]] });
  });
});

describe("the outcome of a file with versions", () => {
  const outcomeOf = (plan: Plan, said: UploadedFile) =>
    packageOutcomes(plan, result(said), () => undefined, { round: 0, segment: 0 })[1];
  const plan = planOf(...three);

  it("counts those that came with it", () => {
    const outcome = outcomeOf(
      plan,
      uploaded({ versions: three.map((each) => storedVersion(each)) }),
    );
    expect(outcome).toMatchObject({ result: "migrated", size: 10, olderVersions: 3 });
    expect(outcome).not.toHaveProperty("issue");
    expect(outcomeSchema.parse(outcome)).toEqual(outcome);
  });

  it("is migrated without those that did not, and says which", () => {
    const issue: Issue = { code: "FILE_VANISHED", message: "the snapshot is gone" };
    const said = {
      versions: [storedVersion(version(2))],
      versionsLeftOut: [leftOut(version(3), issue), leftOut(version(1))],
    };
    expect(outcomeOf(plan, uploaded(said))).toMatchObject({
      ...{ result: "migrated", olderVersions: 1 },
      issue: {
        code: "VERSION_NOT_READ",
        message:
          "2 of 3 older versions did not come: hourly.3 (FILE_VANISHED: the snapshot is gone), hourly.1 (SOURCE_READ_FAILED: EIO)",
      },
    });
  });

  it("names what was never asked for, too, and does not go on for ever", () => {
    const old = { snapshot: "old", size: 1, modified: Date.UTC(1800, 0) };
    const outcome = outcomeOf(planOf(old), uploaded());
    expect(outcome?.issue?.message).toMatch(/^1 of 1 older versions did not come: old \(TIME_NOT/);
    expect(outcome).not.toHaveProperty("olderVersions");
    const many = Array.from({ length: 50 }, (_, n) =>
      leftOut(version(n), { ...unread, message: "x".repeat(2_000) }),
    );
    const { message } = leftOutIssue(many, 0);
    expect(message).toMatch(/, and 47 more$/);
    expect(message.length).toBeLessThan(1_000);
  });
});

describe("the manifest of a package with versions", () => {
  const where = { source: "/srv", startedAt: NOON };

  it("has each content under an id that no other round changes", () => {
    const plan = planOf(...three);
    const versions = three.map((each) => storedVersion(each, { archive: "pack0.zip" }));
    const input = packageManifest(plan, result(uploaded({ versions })), target(), {
      ...{ ...where, listedVersions: "older" },
    });
    const id = plan.items[1]?.id as string;
    expect(input.listedVersions).toBe("older");
    expect(input.files[0]?.history).toMatchObject({
      id: versionId(id, { size: 10, modified: NOON }),
      older: three.map((each) => ({
        ...{ id: versionId(id, each), size: each.size, modified: each.modified },
        fileValue: `${each.snapshot}.dat`,
      })),
    });
    expect(input.archives).toEqual([
      { name: "pack0.zip", checksum: "Y2hlY2s=", members: versions.map(({ blob }) => blob) },
    ]);
    // The next round: what was there is older now, and what was oldest may be gone.
    const later = { size: 11, modified: NOON + HOUR };
    const now = { snapshot: "hourly.0", size: 10, modified: NOON };
    const entry = file("a/f", { ...later, versions: [...three.slice(1), now] });
    const next = planSegment(planInput({ entries: [entry] }));
    const again = [...three.slice(1), now].map((each) => storedVersion(each));
    const second = packageManifest(
      next,
      result({ ...uploaded({ ...later, versions: again }), index: 0 }),
      target(),
      where,
    );
    const idsOf = (manifest: typeof input) =>
      manifest.files.flatMap(({ history }) =>
        [...(history?.older ?? []), history].map((each) => each?.id),
      );
    expect(idsOf(second).slice(0, 3)).toEqual(idsOf(input).slice(1));
    expect(idsOf(input)).not.toContain(idsOf(second)[3]);
  });

  it("can be written of whatever was accepted", () => {
    const snapshots = fc.uniqueArray(
      fc.record({
        snapshot: fc.constantFrom(..."abcdefgh"),
        size: fc.nat(3),
        modified: fc.constantFrom(NOON, NOON - 1, NOON - HOUR, Date.UTC(1800, 0)),
      }),
      { selector: ({ snapshot }) => snapshot },
    );
    fc.assert(
      fc.property(snapshots, fc.infiniteStream(fc.nat(3)), fc.nat(3), (versions, dice, size) => {
        const plan = planOf(...versions);
        const asked = plan.items[1]?.versions ?? [];
        const isRead = new Map(asked.map((each) => [each, dice.next().value > 0]));
        const came = asked.filter((each) => isRead.get(each)).map((each) => storedVersion(each));
        const not = asked.filter((each) => !isRead.get(each)).map((each) => leftOut(each));
        const said = uploaded({ size, versions: came, versionsLeftOut: not });
        const accepted = acceptUpload(plan, result(said));
        const { files, ...input } = packageManifest(plan, accepted, target(), where);
        expect(() => writeManifests({ files, ...input, archives: [] })).not.toThrow();
        const [outcome] = packageOutcomes(plan, accepted, () => undefined, {
          ...{ round: 0, segment: 0 },
        }).slice(1);
        expect(outcome?.olderVersions ?? 0).toBe(files[0]?.history?.older.length ?? 0);
        expect(outcome?.issue !== undefined).toBe(
          not.length + (plan.items[1]?.versionsLeftOut?.length ?? 0) > 0,
        );
      }),
    );
  });
});
