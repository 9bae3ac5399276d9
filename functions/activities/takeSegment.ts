import type { RunRef } from "../stores/rounds/refs.ts";
import { defineActivity } from "./activity.ts";

/** The next segment for a lane, or that there is none yet, or none any more. */
export const takeSegment = defineActivity(
  "takeSegment",
  async (
    input: RunRef & { lane: number; sequence: number; instance: string },
    { rounds },
  ): Promise<{ next: number | "wait" | "done" }> => {
    const taken = await rounds.takeSegment(input, {
      number: input.lane,
      sequence: input.sequence,
      instance: input.instance,
    });
    return { next: typeof taken === "string" ? taken : taken.segment };
  },
);
