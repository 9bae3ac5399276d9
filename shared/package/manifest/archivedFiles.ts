import type { ManifestArchive } from "./types.ts";
import { element } from "./xml.ts";

/**
 * ArchivedFiles.xml: which blobs are to be found in which zip of the data container; all others are blobs of their own.
 * The only manifest without a namespace (MS docs: migration-content-package).
 */
export function archivedFiles(archives: readonly ManifestArchive[]): string {
  return element(
    "ArchivedFiles",
    {},
    archives.map(({ name, checksum, members }) =>
      element(
        "ArchivedFile",
        { Name: name, Checksum: checksum },
        members.map((member) => element("File", { FileValue: member })),
      ),
    ),
  );
}
