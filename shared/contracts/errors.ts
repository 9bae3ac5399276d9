/**
 * The closed list of error codes. Every refusal of the API, every failed or skipped item of a report and every failed
 * round carries one of them. `legacy` is the code that administrators know from Microsoft's Migration Manager; it is what
 * the report column "Error code" shows.
 */
export type Stage = "scan" | "package" | "upload" | "import" | "round" | "api" | "agent";

export interface ErrorDefinition {
  readonly stage: Stage;
  readonly legacy?: string;
  readonly cause: string;
  readonly remedy: string;
  readonly retryable: boolean;
}

export const ERRORS = {
  // What the source refuses
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
    remedy: "Add the folder to the agent's source roots, or bind the task to another agent group.",
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
  // What is skipped by rule
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
  // What the task's settings leave out
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
  // What SharePoint refuses by name, path or size
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
  // Upload and import
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
  // The API
  BAD_REQUEST: {
    stage: "api",
    cause: "The request does not fit the schema of the route.",
    remedy: "Correct the fields that the answer names.",
    retryable: false,
  },
  NOT_FOUND: {
    stage: "api",
    cause: "There is no such resource.",
    remedy: "Check the id in the URL.",
    retryable: false,
  },
  CONFLICT: {
    stage: "api",
    cause: "The resource is in a state that does not allow this.",
    remedy: "Read the state in the answer's detail and try again when it has changed.",
    retryable: false,
  },
  DUPLICATE_TASK: {
    stage: "api",
    cause: "The session already has a task with this source and destination.",
    remedy: "Run that task again instead; its id is in the answer.",
    retryable: false,
  },
  PRECONDITION_REQUIRED: {
    stage: "api",
    cause: "The request does not say which version of the resource it changes.",
    remedy: "Read the resource and send its ETag as If-Match, or * to overwrite whatever is there.",
    retryable: false,
  },
  PRECONDITION_FAILED: {
    stage: "api",
    cause: "The resource was changed by somebody else in the meantime.",
    remedy: "Read the resource again and repeat the change on what is there now.",
    retryable: false,
  },
  FORBIDDEN: {
    stage: "api",
    cause: "The caller's role does not allow this.",
    remedy: "Ask an administrator for the role that the answer names.",
    retryable: false,
  },
  PAYLOAD_TOO_LARGE: {
    stage: "api",
    cause: "The body of the request is larger than the route accepts.",
    remedy: "Send less at once, in several requests.",
    retryable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    stage: "api",
    cause: "The body of the request is in a format that the route does not read.",
    remedy: "Send the format that the answer names, and say so in Content-Type.",
    retryable: false,
  },
  IDEMPOTENCY_KEY_REUSED: {
    stage: "api",
    cause: "The idempotency key was used for another request before.",
    remedy: "Make a new key for every new request; repeat a key only with the same body.",
    retryable: false,
  },
  RATE_LIMITED: {
    stage: "api",
    cause: "The caller sends more requests than the app allows.",
    remedy: "Wait for the seconds that Retry-After names, then go on more slowly.",
    retryable: true,
  },
  UNAUTHORIZED: {
    stage: "api",
    cause: "The caller did not prove who it is.",
    remedy: "Send a valid key or signature; an agent enrols again.",
    retryable: false,
  },
  ENROLMENT_REFUSED: {
    stage: "agent",
    cause: "The enrolment token is unknown, expired or used up.",
    remedy: "Create a new enrolment token and configure the agent with it.",
    retryable: false,
  },
  AGENT_DISABLED: {
    stage: "agent",
    cause: "An administrator has disabled this agent.",
    remedy: "Enable it again; it notices within half a minute and needs no restart.",
    retryable: true,
  },
  AGENT_INCOMPATIBLE: {
    stage: "agent",
    cause: "The agent speaks a protocol that this control plane does not speak.",
    remedy: "Update the agent, or the control plane, to the same release.",
    retryable: true,
  },
  QUEUE_MISSING: {
    stage: "agent",
    cause: "The agent group has no queue in Service Bus, and the app could not make it.",
    remedy:
      "Give the policy of SERVICE_BUS_CONNECTION the Manage claim, or create the queue that the message names with the settings in infra/README.md. Work that waits for it goes on by itself.",
    retryable: true,
  },
  STALE_LEASE: {
    stage: "agent",
    cause: "The agent no longer holds the lease of this work item.",
    remedy: "Drop the work; somebody else has it.",
    retryable: false,
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

export const errorDefinition = (code: ErrorCode): ErrorDefinition => ERRORS[code];

/** Whether trying again in a moment may help; what SharePoint throttles is tried again at the time that the message names. */
export const isRetriedAtOnce = (code: ErrorCode): boolean =>
  code !== "THROTTLED" && errorDefinition(code).retryable;

/** An expected failure that carries its code across a boundary. Everything else that is thrown is a defect. */
export class LongshoreError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail ?? ERRORS[code].cause, options);
    this.name = "LongshoreError";
    this.code = code;
  }
}
