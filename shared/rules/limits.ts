/*
 * Every number SharePoint (or Migration Manager, whose scope we match) sets, in one place. Sources are public Microsoft
 * pages: sp-dev-docs docs/apis/* ("sp-dev"), OfficeDocs-SharePoint migration/* ("mm-*"), and the support article
 * "Restrictions and limitations in OneDrive and SharePoint" ("support").
 */

const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

/** Items in one package; versions count as items. sp-dev: migration-content-package. */
export const MAX_PACKAGE_ITEMS = 250;

/**
 * Items with names that SharePoint is expected to refuse, in one package. mm-settings: a package that produces more than 100
 * errors is blocked as malicious, and its good items with it; the rest is left to errors of other kinds.
 */
export const MAX_TRIED_NAMES = 90;

/** Zip archives of small files in one package. sp-dev: migration-content-package (ArchivedFiles.xml). */
export const MAX_ARCHIVES = 2;

/** Bytes of one archive, zip structures included. Same page. */
export const MAX_ARCHIVE_BYTES = 10 * MB;

/** Bytes of one archive member after encryption: the page says less than 100 KB. */
export const MAX_ARCHIVED_MEMBER_BYTES = 100 * KB - 1;

/** Content bytes of one file. mm-file-size-limitations: 250 GB for file shares (cloud sources: 15 GB). */
export const MAX_FILE_BYTES = 250 * GB;

/** Content bytes up to which the MD5 of the blob is all that SharePoint checks; above it wants a QuickXorHash. sp-dev: migration-azure. */
export const MAX_MD5_FILE_BYTES = 15 * GB;

/** Characters of a decoded server-relative path, file name included. support; mm-faqs. */
export const MAX_PATH_LENGTH = 400;

/** Characters of such a path from which on a scan warns; Migration Manager lists these in LongPath.csv. mm-cloud-reports. */
export const LONG_PATH = 300;

/** Characters of a path on a computer (Windows' MAX_PATH); beyond it OneDrive does not sync or programs do not open. */
export const MAX_LOCAL_PATH = 260;

/** Characters of one file or folder name. support. */
export const MAX_NAME_LENGTH = 255;

/**
 * Earliest and latest time a SharePoint date column holds, ms UTC (docs of the Date and Time column: 1900 to 8900).
 * mm-troubleshoot has 0x01110011 for a created or modified time outside the supported range.
 */
export const MIN_TIME = Date.UTC(1900, 0, 1);
export const MAX_TIME = Date.UTC(8900, 11, 31, 23, 59, 59);

/** Items with permissions of their own in one library: what SharePoint advises, and what it allows. */
export const ADVISED_UNIQUE_PERMISSIONS = 5_000;
export const MAX_UNIQUE_PERMISSIONS = 50_000;
