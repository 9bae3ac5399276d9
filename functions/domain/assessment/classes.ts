const GB = 1024 ** 3;

/** The classes of Migration Manager's overview of scans; a value belongs to the first whose bound it is below. */
const COUNTS = [
  [10, "Under 10"],
  [1_000, "10-1K"],
  [5_000, "1K-5K"],
  [25_000, "5K-25K"],
  [50_000, "25K-50K"],
  [Number.POSITIVE_INFINITY, "More than 50K"],
] as const;

const SIZES = [
  [GB, "Under 1 GB"],
  [20 * GB, "1-20 GB"],
  [100 * GB, "20-100 GB"],
  [500 * GB, "100-500 GB"],
  [1024 * GB, "500 GB-1 TB"],
  [Number.POSITIVE_INFINITY, "More than 1 TB"],
] as const;

const DAY = 24 * 3600_000;
const AGES = [
  [30 * DAY, "Under 1 month"],
  [182 * DAY, "1-6 months"],
  [365 * DAY, "6-12 months"],
  [2 * 365 * DAY, "1-2 years"],
  [5 * 365 * DAY, "2-5 years"],
  [10 * 365 * DAY, "5-10 years"],
  [Number.POSITIVE_INFINITY, "More than 10 years"],
] as const;

const classOf = (value: number, classes: readonly (readonly [number, string])[]): string =>
  classes.find(([bound]) => value < bound)?.[1] ?? "";

export const countClass = (items: number): string => classOf(items, COUNTS);
export const sizeClass = (bytes: number): string => classOf(bytes, SIZES);
/** Of a file last changed `ms` before the scan; what comes from the future counts as new. */
export const ageClass = (ms: number): string => classOf(ms, AGES);
export const AGE_CLASSES = AGES.map(([, name]) => name);
