/** Of a file or folder in a snapshot, or of what is missing there. */
export interface State {
  /**
   * When two snapshots have the same, so has every one between them: a change leaves a time that nobody can set, and of what is
   * missing the folder above would have changed. Only a folder that gave way to another one, and came back, goes unnoticed.
   */
  state: string;
}

/**
 * Looks at the snapshots 0 to `count` - 1, of which 0 is the newest, and gives what it has seen, in this order; `now` is the
 * state of today. What lies between two that have the same state is not looked at: most files have never changed, and
 * cost one look.
 */
export async function* changes<S extends State>(
  count: number,
  now: string,
  look: (index: number) => Promise<S>,
): AsyncGenerator<[index: number, S]> {
  if (count === 0) return;
  const oldest = await look(count - 1);
  yield* changesBetween([-1, { state: now }], [count - 1, oldest], look);
  yield [count - 1, oldest];
}

async function* changesBetween<S extends State>(
  [first, newer]: [number, State],
  [last, older]: [number, S],
  look: (index: number) => Promise<S>,
): AsyncGenerator<[index: number, S]> {
  if (last - first < 2 || newer.state === older.state) return;
  const middle = (first + last) >> 1;
  const sight = await look(middle);
  yield* changesBetween([first, newer], [middle, sight], look);
  yield [middle, sight];
  yield* changesBetween([middle, sight], [last, older], look);
}
