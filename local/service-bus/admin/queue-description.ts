import type { QueueInput } from "../config.ts";
import { badArgument } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";

const CONNECT = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
const COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus";

/** How the real service writes what never ends: .NET's `TimeSpan.MaxValue`. */
const UNLIMITED = "P10675199DT2H48M5.4775807S";

/** Properties of a queue that every queue of this broker has alike. */
const FIXED: Readonly<Record<string, string>> = {
  RequiresSession: "false",
  EnableBatchedOperations: "true",
  Status: "Active",
  AutoDeleteOnIdle: UNLIMITED,
  EnablePartitioning: "false",
  EntityAvailabilityStatus: "Available",
  EnableExpress: "false",
};
/** Those that can be chosen, by their names in a configuration. */
const CHOSEN = {
  LockDuration: "lockDuration",
  MaxSizeInMegabytes: "maxSizeInMegabytes",
  RequiresDuplicateDetection: "requiresDuplicateDetection",
  DefaultMessageTimeToLive: "defaultMessageTimeToLive",
  DeadLetteringOnMessageExpiration: "deadLetteringOnMessageExpiration",
  DuplicateDetectionHistoryTimeWindow: "duplicateDetectionHistoryTimeWindow",
  MaxDeliveryCount: "maxDeliveryCount",
  MaxMessageSizeInKilobytes: "maxMessageSizeInKilobytes",
} as const satisfies Record<string, keyof QueueInput>;

const ELEMENT = /<(\w+)\b[^>]*>(.*?)<\/\1>/gs;

/**
 * What the Atom entry of a PUT asks of a new queue, in the words of a configuration and not yet checked; undefined when the entry
 * describes no queue. A property that this broker has no choice in is refused unless it is as it is anyway.
 */
export function readQueueEntry(name: string, xml: string): QueueInput | undefined {
  const description = /<QueueDescription\b[^>]*>(.*)<\/QueueDescription>/s.exec(xml)?.[1];
  if (description === undefined && !/<QueueDescription\b[^>]*\/>/.test(xml)) return undefined;
  const input: Record<string, unknown> = { name };
  for (const [, property = "", text = ""] of (description ?? "").matchAll(ELEMENT)) {
    const chosen = CHOSEN[property as keyof typeof CHOSEN];
    if (chosen) input[chosen] = parseText(text);
    else if (FIXED[property] !== text)
      throw badArgument(`SubCode=40000. This namespace has no choice of ${property}.`);
  }
  return input as QueueInput;
}

const parseText = (text: string) =>
  /^(true|false|\d+)$/.test(text) ? (JSON.parse(text) as unknown) : text;

/**
 * An Atom entry with a queue's settings and message counts. `SizeInBytes` and the counts are what the queue holds now; locked
 * and deferred messages are active ones. Times of creation are not kept: `since` stands for all.
 */
export function queueEntry(queue: Queue, baseUrl: string, since: string): string {
  const { settings, main, deadLetters } = queue;
  const scheduled = main.countScheduled();
  const fields = {
    LockDuration: isoDuration(settings.lockDuration),
    MaxSizeInMegabytes: settings.maxSizeInMegabytes,
    RequiresDuplicateDetection: settings.requiresDuplicateDetection,
    DefaultMessageTimeToLive: isoDuration(settings.defaultMessageTimeToLive),
    DeadLetteringOnMessageExpiration: settings.deadLetteringOnMessageExpiration,
    DuplicateDetectionHistoryTimeWindow: isoDuration(settings.duplicateDetectionHistoryTimeWindow),
    MaxDeliveryCount: settings.maxDeliveryCount,
    SizeInBytes: queue.bytes,
    MessageCount: main.size + deadLetters.size,
    CreatedAt: since,
    UpdatedAt: since,
    AccessedAt: since,
    CountDetails: {
      ActiveMessageCount: main.size - scheduled,
      DeadLetterMessageCount: deadLetters.size,
      ScheduledMessageCount: scheduled,
      TransferMessageCount: 0,
      TransferDeadLetterMessageCount: 0,
    },
    MaxMessageSizeInKilobytes: settings.maxMessageSizeInKilobytes,
    ...FIXED,
  };
  const elements = Object.entries(fields).map(([name, value]) =>
    typeof value === "object" ? countElement(name, value) : `<${name}>${value}</${name}>`,
  );
  // The SDK takes the queue's name from the id (7.9.5, atomXmlHelper.js).
  return `<entry xmlns="http://www.w3.org/2005/Atom"><id>${baseUrl}${settings.name}</id><title type="text">${settings.name}</title><content type="application/xml"><QueueDescription xmlns="${CONNECT}">${elements.join("")}</QueueDescription></content></entry>`;
}

/** The SDK finds the counts by the one namespace prefix that this element declares (7.9.5, getXMLNSPrefix). */
function countElement(name: string, counts: Record<string, number>): string {
  const inner = Object.entries(counts).map(([count, value]) => `<d:${count}>${value}</d:${count}>`);
  return `<${name} xmlns:d="${COUNTS}">${inner.join("")}</${name}>`;
}

export function isoDuration(milliseconds: number): string {
  if (milliseconds === Number.POSITIVE_INFINITY) return UNLIMITED;
  const seconds = milliseconds / 1_000;
  const time = [
    [Math.floor(seconds / 3_600) % 24, "H"],
    [Math.floor(seconds / 60) % 60, "M"],
    [Number((seconds % 60).toFixed(3)), "S"],
  ] as const;
  const days = Math.floor(seconds / 86_400);
  const shown = time.flatMap(([value, unit]) => (value > 0 ? `${value}${unit}` : [])).join("");
  return `P${days > 0 ? `${days}D` : ""}${shown && `T${shown}`}`;
}
