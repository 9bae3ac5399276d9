import type { Queue } from "../queue/queue.ts";

const CONNECT = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
const COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus";

/** How the real service writes what never ends: .NET's `TimeSpan.MaxValue`. */
const UNLIMITED = "P10675199DT2H48M5.4775807S";

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
    RequiresSession: false,
    DefaultMessageTimeToLive: isoDuration(settings.defaultMessageTimeToLive),
    DeadLetteringOnMessageExpiration: settings.deadLetteringOnMessageExpiration,
    DuplicateDetectionHistoryTimeWindow: isoDuration(settings.duplicateDetectionHistoryTimeWindow),
    MaxDeliveryCount: settings.maxDeliveryCount,
    EnableBatchedOperations: true,
    SizeInBytes: queue.bytes,
    MessageCount: main.size + deadLetters.size,
    Status: "Active",
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
    AutoDeleteOnIdle: UNLIMITED,
    EnablePartitioning: false,
    EntityAvailabilityStatus: "Available",
    EnableExpress: false,
    MaxMessageSizeInKilobytes: settings.maxMessageSizeInKilobytes,
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
