/**
 * Loaded before the script of every part (`node --import`). A part's standard input is a pipe that only the command holds:
 * when it ends, the command is gone, however it ended, and the part stops as if it had been asked to. That also holds for
 * programs that are not ours, such as Azurite, and is the only way to stop a process gently on Windows.
 */
const LAST_RESORT_MS = 60_000;

// With the command gone nobody reads the output any more; a broken pipe must not end the part before it has saved.
for (const output of [process.stdout, process.stderr]) {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.stdin.once("close", () => {
  setTimeout(() => process.exit(1), LAST_RESORT_MS).unref();
  // Azurite's table service knows SIGINT only (azurite 3.36 source, table/main.js).
  const handled = process.emit("SIGTERM", "SIGTERM") || process.emit("SIGINT", "SIGINT");
  if (!handled) process.exit(0);
});
process.stdin.resume();
(process.stdin as unknown as { unref?: () => void }).unref?.();
