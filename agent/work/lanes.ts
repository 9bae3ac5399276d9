/**
 * Does something for every item, `count` at a time; a lane takes the next item when it is done with one. Resolves when all
 * lanes have ended. After an error no lane begins another item, and the first error is thrown; nor does one while `goOn` says
 * no.
 */
export async function inLanes<T>(
  items: Iterable<T>,
  count: number,
  work: (item: T, lane: number) => Promise<void>,
  goOn: () => boolean = () => true,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  const lane = async (number: number) => {
    while (goOn() && !failed) {
      const next = queue.next();
      if (next.done) return;
      try {
        await work(next.value, number);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(
    Array.from({ length: count }, (_, number) => lane(number)),
  );
  const error = lanes.find((outcome) => outcome.status === "rejected");
  if (error !== undefined) throw error.reason;
}
