import type { EventFields } from "./events.ts";

const SIZE_BUCKETS: [limit: number, name: string][] = [
  [1024, "0-1K"],
  [10 * 1024, "1-10K"],
  [100 * 1024, "10-100K"],
  [1024 ** 2, "100K-1M"],
  [10 * 1024 ** 2, "1-10M"],
  [100 * 1024 ** 2, "10-100M"],
  [1024 ** 3, "100M-1G"],
];

function bucketOf(size: number): string {
  return SIZE_BUCKETS.find(([limit]) => size < limit)?.[1] ?? ">1G";
}

export type Statistics = ReturnType<typeof statistics>;

/** Counts what a job does, in the words of JobProgress and JobEnd. */
export function statistics(expectedObjects: number) {
  const startedAt = performance.now();
  const noSize = { Count: 0, TotalSize: 0, TotalDownloadTime: 0, TotalCreationTime: 0 };
  const noType = { Count: 0, TotalTime: 0, AccumulatedVersions: 0, ObjectsWithVersions: 0 };
  const bySize: Record<string, typeof noSize> = {};
  const byType: Record<string, typeof noType> = {};
  let files = 0;
  let fileVersions = 0;
  let bytes = 0;
  let bytesOfVersions = 0;
  let lastObjectId = "";
  const counts = { objects: 0, errors: 0, warnings: 0 };

  return {
    counts,
    /** An SPObject was dealt with, well or badly. */
    object(type: string, id: string, versions = 0): void {
      counts.objects++;
      lastObjectId = id;
      byType[type] ??= { ...noType };
      const entry = byType[type];
      entry.Count++;
      entry.AccumulatedVersions += versions;
      if (versions > 0) entry.ObjectsWithVersions++;
    },
    /** A file arrived: sizes of all its versions, the current one last. */
    file(sizes: number[]): void {
      files++;
      fileVersions += sizes.length;
      bytes += sizes.at(-1) ?? 0;
      for (const size of sizes) {
        bytesOfVersions += size;
        const bucket = bucketOf(size);
        bySize[bucket] ??= { ...noSize };
        const entry = bySize[bucket];
        entry.Count++;
        entry.TotalSize += size;
      }
    },
    progress(): EventFields {
      return { ...common(), LastSPObjectId: lastObjectId };
    },
    final(): EventFields {
      return {
        ...common(),
        FilesCreatedIrrespectiveOfVersions: String(files),
        BytesProcessedOnlyCurrentVersion: String(bytes),
      };
    },
  };

  function common(): EventFields {
    return {
      FilesCreated: String(fileVersions),
      BytesProcessed: String(bytesOfVersions),
      ObjectsProcessed: String(counts.objects),
      TotalExpectedSPObjects: String(expectedObjects),
      TotalErrors: String(counts.errors),
      TotalWarnings: String(counts.warnings),
      WaitTimeOnSqlThrottlingMilliseconds: "0",
      TotalDurationInMs: (performance.now() - startedAt).toFixed(1),
      CpuDurationInMs: "0",
      SqlDurationInMs: "0",
      SqlQueryCount: "0",
      IsShallowCopy: "False",
      CreatedOrUpdatedFileStatsBySize: JSON.stringify(bySize),
      ObjectsStatsByType: JSON.stringify(byType),
      TotalExpectedBytes: "0",
    };
  }
}
