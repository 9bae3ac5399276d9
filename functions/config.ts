import { z } from "zod";
import { LISTED_VERSIONS } from "../shared/package/manifest/types.ts";
import { parseRoleKeys } from "./security/callers.ts";
import { pemIn } from "./security/sharePointCredential.ts";
import { readAccount, STORAGE_SETTING } from "./stores/storage/storageAccount.ts";

/** A JSON object of texts, as the value of a setting; keys in lower case. */
const jsonMapSchema = z.string().transform((text, context): Record<string, string> => {
  try {
    const map = z.record(z.string(), z.string().min(1)).parse(JSON.parse(text || "{}"));
    return Object.fromEntries(
      Object.entries(map).map(([key, value]) => [key.toLowerCase(), value]),
    );
  } catch {
    context.addIssue({ code: "custom", message: "must be a JSON object whose values are texts" });
    return z.NEVER;
  }
});

const storageSchema = z.string().refine((text) => readAccount(text), STORAGE_SETTING);

const KEYED_BUS =
  "must be a connection string with SharedAccessKeyName and SharedAccessKey: agents have no identity of their own, and get tokens that are signed with that key";
const keyedBusSchema = z
  .string()
  .refine(
    (text) => [/SharedAccessKeyName=./i, /SharedAccessKey=./i].every((part) => part.test(text)),
    KEYED_BUS,
  );

const certificateSchema = z.string().transform((text, context): string => {
  const pem = text === "" ? "" : pemIn(text);
  if (pem !== undefined) return pem;
  context.addIssue({
    code: "custom",
    message: "must be a certificate with its private key in PEM",
  });
  return z.NEVER;
});

/**
 * The app's settings, read once. Names are those of local.settings.sample.json and of the deployment. There is no setting
 * that says where the app runs: a single machine differs from Azure by URLs, connection strings and times only.
 */
const configSchema = z.object({
  /**
   * Storage of the control plane: tables, inventories, plans, outcomes, reports. A connection string, or the URL of its blob service
   * (https://contoso.blob.core.windows.net), which the app opens under its own identity.
   */
  STATE_STORAGE_CONNECTION: storageSchema,
  /** Storage of the packages that SharePoint reads, said in the same way. May be the same account. */
  PACKAGE_STORAGE_CONNECTION: storageSchema,
  /**
   * Service Bus policy of the namespace with the Send claim. With Manage (which includes the others) the app makes the queue of an
   * agent group when it is first needed; without, somebody else has to. Or only the namespace (contoso.servicebus.windows.net), which
   * the app uses under its own identity.
   */
  SERVICE_BUS_CONNECTION: z.string().min(1),
  /** Service Bus policy with the Listen claim only; agents get tokens that are signed with it. */
  AGENT_SERVICE_BUS_CONNECTION: keyedBusSchema,
  WORK_QUEUE_PREFIX: z.string().default("work-"),
  KEY_VAULT_URL: z.url(),
  KEY_VAULT_KEY: z.string().default("package-keys"),
  /** Whether the vault's host must belong to the resource its challenge names; false for vaults outside Azure's domains. */
  KEY_VAULT_VERIFY_CHALLENGE: z.stringbool().default(true),
  /** Import jobs are asked for news after this time, then ever less often up to the maximum. */
  IMPORT_POLL_FIRST_MS: z.coerce.number().int().min(50).default(10_000),
  IMPORT_POLL_MAX_MS: z.coerce.number().int().min(100).default(60_000),
  /** A job without news for this long is asked whether it is over: its last event may have been lost. */
  IMPORT_SILENCE_MS: z.coerce.number().int().min(100).default(300_000),
  /** Root of the tenant, "https://contoso.sharepoint.com"; needed for OneDrives that are named by e-mail. */
  SHAREPOINT_URL: z.url().optional(),
  /**
   * The application that imports into SharePoint, if it is not the app's own identity: tenant, client and certificate with its private
   * key (PEM, also in base64). All three, or none.
   */
  SHAREPOINT_TENANT_ID: z.string().default(""),
  SHAREPOINT_CLIENT_ID: z.string().default(""),
  SHAREPOINT_CERTIFICATE: certificateSchema.default(""),
  /** Whose containers packages travel in: own storage, or those that SharePoint lends. */
  CONTAINERS: z.enum(["own", "sharepoint"]).default("own"),
  /** How the app hears of its jobs: by asking for their progress, or from the queue that SharePoint reports to. */
  JOB_NEWS: z.enum(["progress", "queue"]).default("progress"),
  /**
   * Storage for packages near other geographies of the tenant: JSON with the host of the destination and its connection string or
   * URL, {"contosoeur.sharepoint.com": "https://contosoeur.blob.core.windows.net"}.
   */
  PACKAGE_STORAGE_BY_HOST: jsonMapSchema.pipe(z.record(z.string(), storageSchema)).default({}),
  /**
   * What becomes of packages in own storage: their contents are removed so many days after the package was recorded, the containers
   * with manifests and logs later. dry-run: the log says what would be removed.
   */
  RETENTION: z.enum(["delete", "dry-run", "off"]).default("delete"),
  RETAIN_CONTENT_DAYS: z.coerce.number().int().min(4).max(30).default(14),
  RETAIN_CONTAINERS_DAYS: z.coerce.number().int().min(30).max(90).default(60),
  /** Days that entries of the audit trail stay; RETENTION says for them, too, whether they go. */
  RETAIN_AUDIT_DAYS: z.coerce.number().int().min(90).default(400),
  /** Import jobs at SharePoint at the same time, per site collection and in all; SharePoint wants no more than 5,000 in its queue. */
  IMPORT_JOBS_PER_SITE: z.coerce.number().int().min(1).max(200).default(16),
  IMPORT_JOBS_TOTAL: z.coerce.number().int().min(1).max(5_000).default(4_900),
  /**
   * How a manifest lists the versions of a file that has older ones: with the current one, or without. Nobody documents which of them
   * SharePoint wants; see docs/adr/0005-versions.md.
   */
  MANIFEST_VERSIONS: z.enum(LISTED_VERSIONS).default("all"),
  /** How often an agent with work reports, and how long its lease lasts without a report. */
  HEARTBEAT_SECONDS: z.coerce.number().min(0.2).default(10),
  LEASE_SECONDS: z.coerce.number().min(2).default(90),
  /** Who is an administrator, an operator, a reader: by function keys, or by Entra ID sign-in in front of the app. */
  API_AUTH: z.enum(["keys", "entra"]).default("keys"),
  /** `<SHA-256 of the function key in hex>:<role>[:<name>]`, comma-separated. A key that is not listed is an administrator's. */
  ROLE_KEYS: z.string().default("").transform(parseRoleKeys),
  /** What one person, key or agent may ask of one process of the app. */
  API_REQUESTS_PER_MINUTE: z.coerce.number().int().min(1).default(600),
  AGENT_REQUESTS_PER_MINUTE: z.coerce.number().int().min(1).default(1200),
  /** Whether webhooks may call private and loopback addresses. They are chosen by administrators, but the app sends the request. */
  WEBHOOK_PRIVATE_ADDRESSES: z.stringbool().default(false),
  /** Tasks of one agent group that have a round in progress at the same time; the others are queued. */
  TASKS_AT_ONCE: z.coerce.number().int().min(1).max(1_000).default(20),
  /** Put in front of every table name, so that several apps can share one account. */
  TABLE_PREFIX: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]*$/)
    .default("Longshore"),
});

export interface Config extends z.infer<typeof configSchema> {}

/** Reads and checks the settings; one error names everything that is missing or wrong. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = configSchema.safeParse(environment);
  // App Service sets the variable when its authentication is on; without it anybody could make up the header that we believe.
  const identity = [
    ...[environment.SHAREPOINT_TENANT_ID, environment.SHAREPOINT_CLIENT_ID],
    environment.SHAREPOINT_CERTIFICATE,
  ].filter(Boolean).length;
  if (identity % 3 !== 0)
    throw new Error(
      "SHAREPOINT_TENANT_ID, SHAREPOINT_CLIENT_ID and SHAREPOINT_CERTIFICATE belong together: set all or none.",
    );
  const open =
    environment.API_AUTH === "entra" && !/^true$/i.test(environment.WEBSITE_AUTH_ENABLED ?? "");
  if (open) throw new Error("API_AUTH is entra, but App Service authentication is not enabled.");
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The app's settings are not usable. ${problems.join("; ")}`);
}

export const settingNames = Object.keys(configSchema.shape);
