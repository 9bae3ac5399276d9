import { describe, expect, it } from "@jest/globals";
import type { UploadedFile, UploadResult } from "../../../shared/contracts/work.ts";
import { file, folder, NOON, planInput } from "../../../test/support/records.ts";
import { acceptUpload, filesToUpload } from "./acceptUpload.ts";
import { planSegment } from "./plan.ts";

const plan = planSegment(
  planInput({ entries: [folder("a"), file("a/f"), file("a/g"), file("a:")] }),
);
const uploaded = (index: number, more: object = {}): UploadedFile => ({
  ...{ status: "uploaded", index, size: 10, modified: NOON, blob: `${index}.dat` },
  ...{ iv: "aXY=", md5: "bWQ1" },
  ...more,
});
const failed = (index: number): UploadedFile => ({
  ...{ status: "failed", index, issue: { code: "FILE_VANISHED", message: "gone" } },
});
const archive = (name: string) => ({ name, checksum: "Y2hlY2s=" });
const result = (files: UploadedFile[], archives: UploadResult["archives"] = []): UploadResult => ({
  ...{ kind: "upload", files, archives },
});

describe("the result of an upload", () => {
  it("is about the files that are to be migrated", () => {
    expect(filesToUpload(plan)).toEqual([1, 2]);
  });

  it("is taken as it is when it fits", () => {
    const good = result([uploaded(1, { archive: "pack0.zip" }), failed(2)], [archive("pack0.zip")]);
    expect(acceptUpload(plan, good)).toEqual(good);
  });

  it.each([
    ["says nothing about a file", result([uploaded(1)]), "nothing is said about 1 files"],
    ["names a file twice", result([uploaded(1), uploaded(1)]), "file 1 is not of the package"],
    ["names a folder", result([uploaded(0), uploaded(1)]), "file 0 is not of the package"],
    ["names a refused file", result([uploaded(3), uploaded(1)]), "file 3 is not of the package"],
    ["names what is not there", result([uploaded(99)]), "file 99 is not of the package"],
    ["names a blob twice", result([uploaded(1), uploaded(2, { blob: "1.dat" })]), "1.dat"],
    [
      "names an archive that was not stored",
      result([uploaded(1, { archive: "pack0.zip" }), uploaded(2)]),
      "archive pack0.zip, which is not stored",
    ],
    [
      "has an archive twice",
      result([uploaded(1), uploaded(2)], [archive("a.zip"), archive("a.zip")]),
      "2 archives",
    ],
    [
      "has more archives than SharePoint takes",
      result([uploaded(1), uploaded(2)], ["a.zip", "b.zip", "c.zip"].map(archive)),
      "3 archives",
    ],
  ])("is refused when it %s", (_what, bad, message) => {
    expect(() => acceptUpload(plan, bad)).toThrow(message);
  });

  it("has a failed file where the time cannot be stored any more", () => {
    const touched = result([uploaded(1, { modified: Date.UTC(1800, 0) }), uploaded(2)]);
    const { files } = acceptUpload(plan, touched);
    expect(files[0]).toMatchObject({ status: "failed", issue: { code: "TIME_NOT_SUPPORTED" } });
    expect(files[1]).toEqual(uploaded(2));
  });
});
