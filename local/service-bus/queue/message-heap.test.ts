import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Message, NO_SLOT } from "./message.ts";
import { MessageHeap } from "./message-heap.ts";

it("gives messages in order of their key, whatever was added and removed before", () => {
  const step = fc.oneof(
    fc.record({ add: fc.nat(50) }),
    fc.record({ remove: fc.nat(30) }),
    fc.constant("take" as const),
  );
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const heap = new MessageHeap("dueSlot", (message) => message.expiresAt);
    let model: Message[] = [];
    const drop = (message: Message | undefined) => {
      if (!message) return;
      heap.remove(message);
      model = model.filter((one) => one !== message);
    };
    for (const step of steps) {
      if (step === "take") drop(heap.peek());
      else if ("remove" in step) drop(model[step.remove % Math.max(model.length, 1)]);
      else {
        const message = { expiresAt: step.add, dueSlot: NO_SLOT } as Message;
        model.push(message);
        heap.push(message);
      }
      const smallest = Math.min(...model.map(({ expiresAt }) => expiresAt));
      expect(heap.peek()?.expiresAt ?? Number.POSITIVE_INFINITY).toBe(smallest);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
