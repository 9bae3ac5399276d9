import { describe, expect, it } from "@jest/globals";
import { createTerminal } from "./terminal.ts";

function screen(more: { isTTY?: boolean; columns?: number } = {}, quiet = false) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { written, terminal: createTerminal({ write, ...more }, { quiet }) };
}

describe("createTerminal", () => {
  it("redraws the block in place and keeps what is said above it", () => {
    const { terminal, written } = screen({ isTTY: true, columns: 80 });
    expect(terminal.width).toBe(79);
    terminal.show(["a", "b"]);
    terminal.say("hello");
    terminal.show(["c"]);
    terminal.keep();
    terminal.say("end");
    const up = (lines: number) => `\u001b[${lines}A\u001b[0J`;
    expect(written).toEqual(["a\nb\n", `${up(2)}hello\na\nb\n`, `${up(2)}c\n`, "end\n"]);
  });

  it("shows no block where nothing can be redrawn or nobody wants it", () => {
    for (const { terminal, written } of [screen(), screen({ isTTY: true }, true)]) {
      terminal.show(["a"]);
      terminal.say("hello");
      expect(terminal.live).toBe(false);
      expect(written).toEqual(["hello\n"]);
    }
  });
});
