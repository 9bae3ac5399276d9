/** Reads CSV (RFC 4180, with or without a byte order mark) row by row, as objects keyed by the header. */
export async function* readCsv(
  chunks: AsyncIterable<string>,
): AsyncGenerator<Record<string, string>> {
  let header: string[] | undefined;
  for await (const row of readRows(chunks)) {
    if (header) yield Object.fromEntries(header.map((name, index) => [name, row[index] ?? ""]));
    else header = row;
  }
}

async function* readRows(chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  /** The last character was a quote within quotes: the end of the cell, or the first half of a doubled one. */
  let quote = false;
  let started = false;
  for await (const chunk of chunks) {
    for (const character of started ? chunk : chunk.replace(/^\ufeff/, "")) {
      if (quoted && !quote) {
        if (character === '"') quote = true;
        else cell += character;
      } else if (character === '"') {
        if (quote) cell += '"';
        quoted = true;
        quote = false;
      } else if (character === ",") {
        row.push(cell);
        [cell, quoted, quote] = ["", false, false];
      } else if (character === "\n") {
        yield [...row, cell];
        row = [];
        [cell, quoted, quote] = ["", false, false];
      } else if (character !== "\r") cell += character;
    }
    started = true;
  }
  if (row.length > 0 || cell !== "") yield [...row, cell];
}
