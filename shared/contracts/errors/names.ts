import type { ErrorDefinition } from "./definition.ts";

/** What SharePoint refuses by name, path or size. */
export const NAME_ERRORS = {
  NAME_INVALID_CHARACTERS: {
    stage: "package",
    legacy: "0x01110010",
    cause:
      'The name has a character that SharePoint refuses: " * : < > ? / \\ | or a control character.',
    remedy: "Rename the item, then run the task again.",
    retryable: false,
  },
  NAME_RESERVED: {
    stage: "package",
    legacy: "0x01110010",
    cause: "SharePoint reserves this name.",
    remedy: "Rename the item, then run the task again.",
    retryable: false,
  },
  NAME_LEADING_OR_TRAILING_SPACE: {
    stage: "package",
    legacy: "0x01110010",
    cause: "SharePoint refuses names that begin or end with a space.",
    remedy: "Rename the item, then run the task again.",
    retryable: false,
  },
  NAME_TRAILING_PERIOD: {
    stage: "package",
    legacy: "0x01110010",
    cause: "SharePoint refuses names that end with a period.",
    remedy: "Rename the item, then run the task again.",
    retryable: false,
  },
  NAME_TOO_LONG: {
    stage: "package",
    legacy: "0x0111000B",
    cause: "A single name may have at most 255 characters in SharePoint.",
    remedy: "Shorten the name, then run the task again.",
    retryable: false,
  },
  NAME_NOT_UNICODE: {
    stage: "scan",
    legacy: "0x01110010",
    cause: "The bytes of the name are not valid Unicode text.",
    remedy: "Rename the item, then run the task again.",
    retryable: false,
  },
  NAME_CASE_COLLISION: {
    stage: "scan",
    legacy: "0x01110010",
    cause:
      "Another item of the same folder has the same name but for upper and lower case; SharePoint cannot hold both.",
    remedy: "Rename one of the two, then run the task again.",
    retryable: false,
  },
  NAME_COLLISION: {
    stage: "scan",
    legacy: "0x01110010",
    cause:
      "Another item of the same folder has the same name at the destination once invalid characters are replaced.",
    remedy:
      "Rename one of the two, or choose another replacement character, then run the task again.",
    retryable: false,
  },
  TOO_MANY_INVALID_NAMES: {
    stage: "package",
    legacy: "0x01110010",
    cause:
      "The package has as many items with invalid names as may be tried: SharePoint blocks a package with more than 100 errors.",
    remedy: "Rename the item, or have invalid characters replaced, then run the task again.",
    retryable: false,
  },
  PATH_TOO_LONG: {
    stage: "package",
    legacy: "0x0111000B",
    cause: "The path at the destination would be longer than SharePoint's 400 characters.",
    remedy:
      "Shorten folder names, or choose a destination that is less deep, then run the task again.",
    retryable: false,
  },
  FILE_TOO_LARGE: {
    stage: "package",
    legacy: "0x0111000A",
    cause: "The file is larger than SharePoint accepts (250 GB).",
    remedy: "Split or archive the file elsewhere.",
    retryable: false,
  },
  PARENT_NOT_MIGRATED: {
    stage: "package",
    legacy: "0x0111000F",
    cause: "A folder above this item could not be migrated.",
    remedy: "Mend what stopped the folder (see its own row), then run the task again.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;
