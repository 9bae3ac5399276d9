import { createCipheriv, randomBytes, randomUUID } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { answering } from "../../test/support/answering.ts";
import { parseJobEvent, saidBy } from "./jobEvents.ts";
import { parseErrorLog } from "./jobLogs.ts";
import { openEnvelope, openMessage, parseMessages, receiveMessages } from "./jobQueue.ts";

const key = randomBytes(32);
const text = fc.string({ unit: "grapheme", maxLength: 60 });

/** As SharePoint sends an event of an encrypted job (MS docs, migration-events). */
function envelope(event: string, job: string = randomUUID()): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const Content = Buffer.concat([cipher.update(event, "utf8"), cipher.final()]).toString("base64");
  return JSON.stringify({ Label: "Encrypted", JobId: job, IV: iv.toString("base64"), Content });
}
const escaped = (value: string) =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

describe("an event", () => {
  const value = fc.oneof(text, fc.integer().map(String), fc.boolean().map(String));

  it("is read in any spelling of its names, in any order, as text and as numbers", () => {
    fc.assert(
      fc.property(
        fc.record({ message: text, created: fc.nat(), errors: fc.nat(), id: fc.uuid() }),
        fc.dictionary(fc.string({ maxLength: 8 }), value),
        fc.func(fc.boolean()),
        ({ message, created, errors, id }, more, upper) => {
          const known: [string, unknown][] = [
            ...([
              ["Event", "JobEnd"],
              ["FilesCreated", created],
              ["Id", id],
            ] as const),
            ...([
              ["TotalErrors", String(errors)],
              ["Message", message],
            ] as const),
          ].map(([name, content]) => [upper(name) ? name.toUpperCase() : name, content]);
          const names = new Set(known.map(([name]) => name.toLowerCase()));
          const others = Object.entries(more).filter(([name]) => !names.has(name.toLowerCase()));
          const event = parseJobEvent(JSON.stringify(Object.fromEntries([...others, ...known])));
          expect(event).toMatchObject({ event: "JobEnd", contentsCreated: created, id });
          expect(event.totalErrors).toBe(errors);
          expect(saidBy(event).length).toBeLessThanOrEqual(1000);
        },
      ),
    );
  });
});

describe("a message of the queue", () => {
  it("opens to the event that was put in, encrypted or not", () => {
    fc.assert(
      fc.property(fc.dictionary(text, text), (fields) => {
        const event = JSON.stringify(fields);
        const sealed = Buffer.from(envelope(event)).toString("base64");
        expect(openMessage(sealed, key)).toBe(event);
        expect(openMessage(Buffer.from(event).toString("base64"), key)).toBe(event);
        expect(openEnvelope(envelope(event), key)).toBe(event);
      }),
    );
  });

  it("does not open with another key", () => {
    const message = Buffer.from(envelope('{"Event":"JobEnd"}')).toString("base64");
    expect(() => JSON.parse(openMessage(message, randomBytes(32)))).toThrow();
  });

  it("comes out of the list as it went in, however many there are", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uuid(), fc.base64String(), fc.base64String())), (all) => {
        const messages = all.map(
          ([id, receipt, content]) =>
            `<QueueMessage><MessageId>${id}</MessageId><InsertionTime>Mon, 01 Jan 2026 00:00:00 GMT</InsertionTime><PopReceipt>${escaped(receipt)}</PopReceipt><DequeueCount>1</DequeueCount><MessageText>${escaped(content)}</MessageText></QueueMessage>`,
        );
        const xml = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList>${messages.join("")}</QueueMessagesList>`;
        expect(parseMessages(xml)).toEqual(
          all.map(([id, popReceipt, content]) => ({ id, popReceipt, text: content })),
        );
      }),
    );
    expect(parseMessages('<?xml version="1.0"?><QueueMessagesList />')).toEqual([]);
  });

  it.each([
    [403, "CONTAINER_EXPIRED"],
    [404, "CONTAINER_EXPIRED"],
    [503, "DESTINATION_UNREACHABLE"],
  ])("that cannot be had is named: HTTP %i is %s", async (status, code) => {
    const server = await answering(() => ({ status, body: {} }));
    await expect(receiveMessages(`${server.origin}/queue?sig=x`)).rejects.toMatchObject({ code });
    await server.close();
  });
});

describe("an error log", () => {
  it("names every object of its errors, whatever stands around it", () => {
    const line = fc.record({
      level: fc.constantFrom("Error", "error", "Warning", "Info"),
      id: fc.uuid(),
      upper: fc.boolean(),
      words: fc.stringMatching(/^[a-z .:'/-]{0,40}$/),
    });
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom("\n", "\r\n"), (lines, newline) => {
        const log = lines.map(
          ({ level, id, upper, words }) =>
            `[04/02/2025 08:01:51.730] [File] [${level}] [Shared Documents/a.txt] [${upper ? id.toUpperCase() : id}] x${words}`,
        );
        const errors = parseErrorLog(log.join(newline) + newline);
        const wanted = lines.filter(({ level }) => /error/i.test(level));
        expect(errors).toHaveLength(wanted.length);
        for (const [n, { id, words }] of wanted.entries()) {
          expect(errors[n]?.ids).toContain(id);
          expect(errors[n]?.text).toBe(`x${words}`);
        }
      }),
    );
  });

  it("goes on over several lines, and shows no signature", () => {
    const id = randomUUID();
    const log = `[t] [File] [Error] cannot read https://x/c?sig=abc%3D&se=1\n   CallStack -- at ${id}\n[t] [Error] [] other`;
    expect(parseErrorLog(log)).toEqual([
      { ids: [id], text: "cannot read https://x/c?sig=***&se=1" },
      { ids: [], text: "other" },
    ]);
  });

  it("may be anything", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (anything) => {
        parseErrorLog(anything);
      }),
    );
  });
});
