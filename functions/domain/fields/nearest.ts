/** Words of more characters are not compared: nobody mistypes them. */
const LONGEST = 60;

/** The one of the known words that somebody most likely meant; undefined when none is near. Case does not count. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const typed = given.trim().toLowerCase();
  if (typed.length < 2 || typed.length > LONGEST) return undefined;
  const [best] = known
    .map((word) => ({ word, edits: distance(typed, word.toLowerCase()) }))
    .sort((one, other) => one.edits - other.edits);
  if (best && best.edits <= Math.max(1, Math.floor(typed.length / 3))) return best.word;
  // "SharePointSite" for "site", "excludeNames" for "setting.excludeNames".
  return known.find(
    (word) => word.toLowerCase().includes(typed) || typed.includes(word.toLowerCase()),
  );
}

/** As people are told of it, behind what is wrong: '; do you mean "state"?' */
export function suggestion(given: string, known: readonly string[]): string {
  const word = nearest(given, known);
  return word === undefined ? "" : `; do you mean "${word}"?`;
}

/** Letters that have to be put in, left out, replaced or swapped with the next one (optimal string alignment). */
function distance(one: string, other: string): number {
  let [before, last]: [number[], number[]] = [
    [],
    Array.from({ length: other.length + 1 }, (_, j) => j),
  ];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const differs = one[i - 1] === other[j - 1] ? 0 : 1;
      const isSwapped =
        i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + differs,
        isSwapped ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, row];
  }
  return last[other.length] as number;
}
