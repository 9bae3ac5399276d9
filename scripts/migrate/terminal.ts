import type { WriteStream } from "node:tty";

export interface Terminal {
  /** Whether a block can be redrawn in place. */
  readonly live: boolean;
  readonly width: number;
  /** Writes a line that stays, above the block. */
  say(line: string): void;
  /** Replaces the block. */
  show(lines: readonly string[]): void;
  /** Leaves the block as it is; the next one begins below it. */
  keep(): void;
}

type Output = Pick<WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY" | "columns">>;

/** People read stderr: stdout belongs to `--json`. Where lines cannot be redrawn, `show` shows nothing. */
export function createTerminal(output: Output, { quiet = false } = {}): Terminal {
  const live = output.isTTY === true && process.env.TERM !== "dumb" && !quiet;
  let block: readonly string[] = [];
  // To the first line of the block and everything below erased; in one write, so that it does not flicker.
  const erase = () => (block.length > 0 ? `\u001b[${block.length}A\u001b[0J` : "");
  const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join("");
  return {
    live,
    get width() {
      return Math.max(20, (output.columns || 100) - 1);
    },
    say(line) {
      output.write(`${erase()}${line}\n${lines(block)}`);
    },
    show(next) {
      if (!live) return;
      output.write(`${erase()}${lines(next)}`);
      block = next;
    },
    keep() {
      block = [];
    },
  };
}
