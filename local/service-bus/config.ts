import { z } from "zod";
import { badArgument } from "./errors.ts";

/** What Service Bus calls "unlimited": `TimeSpan.MaxValue`, P10675199DT2H48M5.4775807S, in milliseconds. */
const UNLIMITED = 922_337_203_685_477;
const ISO_DURATION =
  /^P(?=\d|T\d)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds of an ISO 8601 duration in days, hours, minutes and seconds; Infinity for Service Bus' maximum. */
function parseDuration(text: string): number | undefined {
  const match = ISO_DURATION.exec(text);
  if (!match) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const total =
    ((days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1_000;
  return total >= UNLIMITED ? Number.POSITIVE_INFINITY : Math.round(total);
}

const duration = z.string().transform((text, context) => {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  context.addIssue({
    code: "custom",
    message: `"${text}" is not a positive ISO 8601 duration in days, hours, minutes and seconds; write for example "PT30S" or "P1D"`,
  });
  return z.NEVER;
});

const rights = z.enum(["Send", "Listen", "Manage"]);

const policySchema = z.strictObject({
  name: z.string().min(1),
  primaryKey: z.string().min(1),
  secondaryKey: z.string().min(1).optional(),
  rights: z.array(rights).min(1),
  /** The only queue the policy is good for; absent: the whole namespace. */
  entity: z.string().min(1).optional(),
});

const queueSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9](?:[\w./-]{0,258}[A-Za-z0-9])?$/, {
    message:
      "a queue name is 1 to 260 letters, digits, '.', '-', '_' or '/', with a letter or digit at both ends",
  }),
  lockDuration: duration
    .refine((value) => value <= 300_000, { message: "a lock lasts at most PT5M" })
    .prefault("PT1M"),
  maxDeliveryCount: z.int().min(1).max(2_000).default(10),
  requiresDuplicateDetection: z.boolean().default(false),
  duplicateDetectionHistoryTimeWindow: duration
    .refine((value) => value <= 7 * 86_400_000, { message: "the window is at most P7D" })
    .prefault("PT10M"),
  defaultMessageTimeToLive: duration.prefault("P10675199DT2H48M5.4775807S"),
  deadLetteringOnMessageExpiration: z.boolean().default(false),
  maxSizeInMegabytes: z.int().min(1).default(1_024),
  /** 256 is the Standard tier; the link tells clients, whose batches are sized by it. */
  maxMessageSizeInKilobytes: z.int().min(1).max(102_400).default(256),
});

const configSchema = z
  .strictObject({ policies: z.array(policySchema).min(1), queues: z.array(queueSchema) })
  .refine(({ queues }) => new Set(queues.map((q) => q.name.toLowerCase())).size === queues.length, {
    path: ["queues"],
    message: "queue names must be unique (letter case does not count)",
  });

export type QueueInput = z.input<typeof queueSchema>;
export type Right = z.output<typeof rights>;
export type Policy = z.output<typeof policySchema>;
export type QueueSettings = z.output<typeof queueSchema>;
/** The configuration as written by people: durations are text, most fields are optional. */
export type BrokerConfigInput = z.input<typeof configSchema>;
export type BrokerConfig = z.output<typeof configSchema>;

/** Checks the description of one queue; the error names every wrong field. */
export function parseQueue(input: unknown): QueueSettings {
  const result = queueSchema.safeParse(input);
  if (result.success) return result.data;
  throw badArgument(`The queue's description is not valid: ${z.prettifyError(result.error)}`);
}

/** Checks a configuration; the error names every wrong field. */
export function parseConfig(input: unknown): BrokerConfig {
  const result = configSchema.safeParse(input);
  if (result.success) return result.data;
  throw new Error(`Service Bus configuration is not valid:\n${z.prettifyError(result.error)}`);
}
