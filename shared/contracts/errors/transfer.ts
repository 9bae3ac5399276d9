import type { ErrorDefinition } from "./definition.ts";

/** What goes wrong on the way: upload, import, the destination and its keys. */
export const TRANSFER_ERRORS = {
  UPLOAD_FAILED: {
    stage: "upload",
    legacy: "0x01510001",
    cause: "The file could not be uploaded to the package's container.",
    remedy:
      "Check the agent's network and the storage account (is it full?), then run the task again.",
    retryable: true,
  },
  AGENT_LOST: {
    stage: "upload",
    legacy: "0x01510001",
    cause: "The agents that worked on the package stopped answering, as often as is allowed.",
    remedy: "Look at the agents' logs and their network, then run the task again.",
    retryable: true,
  },
  SUBMIT_FAILED: {
    stage: "import",
    legacy: "0x01610002",
    cause: "SharePoint refused the import job.",
    remedy: "Read the message of SharePoint in the row; check the app's permissions on the site.",
    retryable: true,
  },
  CONTAINER_EXPIRED: {
    stage: "import",
    legacy: "0x01610001",
    cause: "The package's containers or keys were older than three days when they were needed.",
    remedy: "Run the task again; the package is made anew.",
    retryable: true,
  },
  CONTAINER_REFUSED: {
    stage: "import",
    legacy: "0x01610001",
    cause:
      "The containers that SharePoint lent for the package could not be used, or not until the package was in them; nor could those it lent for a second attempt.",
    remedy:
      "Check the clocks of the app and of the agents, and that both reach the storage that SharePoint lends (*.blob.core.windows.net), then run the task again. Smaller packages (packageBytes) are through sooner; CONTAINERS=own does without lent containers.",
    retryable: true,
  },
  IMPORT_ITEM_FAILED: {
    stage: "import",
    legacy: "0x01710009",
    cause: "SharePoint reported an error for this item.",
    remedy: "Read the message of SharePoint in the row, mend it, then run the task again.",
    retryable: true,
  },
  IMPORT_JOB_FAILED: {
    stage: "import",
    legacy: "0x01710006",
    cause: "SharePoint ended the import job of the whole package.",
    remedy: "Read the message of SharePoint in the row, then run the task again.",
    retryable: true,
  },
  IMPORT_NOT_CONFIRMED: {
    stage: "import",
    legacy: "0x01710009",
    cause: "The import job ended but the item was not found at the destination.",
    remedy: "Run the task again.",
    retryable: true,
  },
  DESTINATION_NOT_FOUND: {
    stage: "round",
    legacy: "0x0201000D",
    cause: "The destination site or library does not exist, or the app may not see it.",
    remedy: "Check the site URL and the library title of the task, and the app's permissions.",
    retryable: false,
  },
  VERSIONING_OFF: {
    stage: "round",
    cause:
      "The destination library has versioning switched off: of files that come with older versions it keeps the current content alone.",
    remedy:
      "Switch versioning on in the settings of the library before the files come, or set fileVersions to 0.",
    retryable: false,
  },
  DESTINATION_FOLDER_TOO_LARGE: {
    stage: "package",
    cause: "SharePoint does not list a folder with more than 5,000 items.",
    remedy: "Nothing to do: the items are looked up one by one.",
    retryable: false,
  },
  DESTINATION_UNREACHABLE: {
    stage: "round",
    legacy: "0x02010018",
    cause: "SharePoint could not be reached.",
    remedy: "Check the network and the site URL, then run the task again.",
    retryable: true,
  },
  THROTTLED: {
    stage: "round",
    legacy: "0x02010018",
    cause: "SharePoint asked the app to wait before it sends more requests.",
    remedy: "Nothing to do: the work goes on by itself at the time that the message names.",
    retryable: true,
  },
  DESTINATION_ACCESS_DENIED: {
    stage: "round",
    legacy: "0x02010017",
    cause: "SharePoint refused the app's credentials.",
    remedy: "Give the app full control of the destination site.",
    retryable: false,
  },
  KEY_UNAVAILABLE: {
    stage: "round",
    legacy: "0x02050008",
    cause: "The key vault refused to wrap or unwrap the package's key, or could not be reached.",
    remedy:
      "Check the key vault, its key and the app's permissions on it, then run the task again.",
    retryable: true,
  },
  INTERNAL: {
    stage: "round",
    legacy: "0x00000000",
    cause: "Something unexpected happened.",
    remedy: "Read the message and the log of the control plane, then run the task again.",
    retryable: true,
  },
} as const satisfies Record<string, ErrorDefinition>;
