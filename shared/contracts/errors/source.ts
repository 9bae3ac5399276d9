import type { ErrorDefinition } from "./definition.ts";

/** What the source refuses, or says nothing sensible about. */
export const SOURCE_ERRORS = {
  SOURCE_NOT_FOUND: {
    stage: "scan",
    legacy: "0x01110003",
    cause: "The source folder does not exist or is not a folder.",
    remedy: "Check the path of the task as the agent sees it, then run the task again.",
    retryable: false,
  },
  SOURCE_ACCESS_DENIED: {
    stage: "scan",
    legacy: "0x01110003",
    cause: "The agent's account may not read this file or folder.",
    remedy: "Give the agent's account read access, then run the task again.",
    retryable: false,
  },
  SOURCE_NOT_ALLOWED: {
    stage: "scan",
    legacy: "0x01110003",
    cause: "The source lies outside the folders this agent was configured to read.",
    remedy:
      "Add the folder to the source roots of an agent of the group, or bind the task to another group.",
    retryable: false,
  },
  SOURCE_READ_FAILED: {
    stage: "upload",
    legacy: "0x01410001",
    cause: "Reading the file failed.",
    remedy: "Check the disk and the network of the file server, then run the task again.",
    retryable: true,
  },
  METADATA_UNREADABLE: {
    stage: "scan",
    legacy: "0x01110009",
    cause: "The metadata of the file or folder could not be read.",
    remedy: "Check the file system of the source, then run the task again.",
    retryable: true,
  },
  TIME_NOT_SUPPORTED: {
    stage: "scan",
    legacy: "0x01110011",
    cause: "The created or modified time lies outside what SharePoint can store (1900 to 8900).",
    remedy: "Set a valid time on the file, then run the task again.",
    retryable: false,
  },
  FILE_VANISHED: {
    stage: "upload",
    legacy: "0x02080001",
    cause: "The file or folder disappeared between the scan and the upload.",
    remedy: "Nothing to do if it was deleted on purpose; otherwise run the task again.",
    retryable: true,
  },
  FILE_CHANGED: {
    stage: "upload",
    legacy: "0x02080001",
    cause: "The file kept changing while it was read.",
    remedy: "Close the program that writes it, then run the task again.",
    retryable: true,
  },
  VERSION_NOT_READ: {
    stage: "upload",
    legacy: "0x01410001",
    cause:
      "Older versions of the file did not come: they could not be read, vanished with their snapshot, or cannot be stored by SharePoint. The file itself was migrated, with its other versions.",
    remedy:
      "Read the message in the row and look at the snapshots of the share. Versions are brought again only when the file itself changes.",
    retryable: true,
  },
  NO_SNAPSHOTS: {
    stage: "scan",
    cause:
      "The task asks for older versions of files, and the agent found no snapshots of the source. Files are migrated with their current content alone.",
    remedy:
      "Make the snapshot folder of the share visible to the agent's account, name it in the setting snapshotFolder, or set fileVersions to 0.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;
