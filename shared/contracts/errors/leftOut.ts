import type { ErrorDefinition } from "./definition.ts";

/** What is left out by rule, by what a task has brought before, or by its settings. */
export const LEFT_OUT = {
  SYMBOLIC_LINK: {
    stage: "scan",
    cause: "Symbolic links are not followed: their target may lie outside the source.",
    remedy: "Migrate the target of the link by its own path if it is wanted.",
    retryable: false,
  },
  NOT_A_FILE: {
    stage: "scan",
    cause: "A socket, pipe or device has no content to migrate.",
    remedy: "Nothing to do.",
    retryable: false,
  },
  SNAPSHOT_FOLDER: {
    stage: "scan",
    cause:
      "The folder is where file servers keep snapshots of the share: what is in it is the past of the files beside it, not documents of its own. It was not entered.",
    remedy:
      "Nothing to do for snapshots; fileVersions in the settings brings older versions of files out of them. If it is an ordinary folder of that name, rename it or migrate it as the source of a task of its own.",
    retryable: false,
  },
  UNCHANGED: {
    stage: "package",
    cause: "The item was migrated by an earlier round and is not newer at the source.",
    remedy: "Nothing to do.",
    retryable: false,
  },
  CANCELLED: {
    stage: "round",
    cause: "The round was cancelled before the item was migrated.",
    remedy: "Run the task again if the item is wanted.",
    retryable: false,
  },
  FILTERED_HIDDEN: {
    stage: "package",
    cause: "The item is hidden, or lies in a hidden folder.",
    remedy:
      "Nothing to do if that is wanted; otherwise change migrateHidden in the settings and run the task again.",
    retryable: false,
  },
  FILTERED_CREATED: {
    stage: "package",
    cause: "The file was created outside the time that the task migrates.",
    remedy:
      "Nothing to do if that is wanted; otherwise change createdAfter and createdBefore in the settings and run the task again.",
    retryable: false,
  },
  FILTERED_MODIFIED: {
    stage: "package",
    cause: "The file was modified outside the time that the task migrates.",
    remedy:
      "Nothing to do if that is wanted; otherwise change modifiedAfter and modifiedBefore in the settings and run the task again.",
    retryable: false,
  },
  FILTERED_EXTENSION: {
    stage: "package",
    cause: "The task leaves out files with this extension.",
    remedy:
      "Nothing to do if that is wanted; otherwise change excludeExtensions in the settings and run the task again.",
    retryable: false,
  },
  FILTERED_NAME: {
    stage: "package",
    cause: "A name pattern of the task leaves out this item, or a folder above it.",
    remedy:
      "Nothing to do if that is wanted; otherwise change excludeNames in the settings and run the task again.",
    retryable: false,
  },
  FILTERED_FOLDER: {
    stage: "package",
    cause: "The task leaves out folders of this name, with everything in them.",
    remedy:
      "Nothing to do if that is wanted; otherwise change excludeFolders in the settings and run the task again.",
    retryable: false,
  },
  SCAN_ONLY: {
    stage: "package",
    cause: "The task only scans: the item would be migrated.",
    remedy: "Switch scanOnly off in the settings and run the task again.",
    retryable: false,
  },
  EXISTS_AT_DESTINATION: {
    stage: "package",
    cause:
      "The destination has an item of this name that the task did not bring, or that was changed there since.",
    remedy:
      "Folders are used as they are. For files, see the setting onConflict, or rename one of the two.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;
