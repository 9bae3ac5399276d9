import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const configurationSchema = z.object({
  controlPlane: z.url(),
  agentId: z.string().min(1),
  name: z.string().min(1),
  /** Folders the agent may read, with everything below; empty: whatever its account can. */
  roots: z.array(z.string().min(1)),
});
export type Configuration = z.infer<typeof configurationSchema>;

/** The configuration cannot be used, or the control plane refused the agent for good: a restart changes nothing. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

export const keyFile = (data: string): string => join(data, "agent.key");
const configurationFile = (data: string): string => join(data, "agent.json");

/**
 * Writes what makes this machine an agent: its configuration and the private half of its key pair, which only its owner may
 * read. The folder is nobody else's business either.
 */
export function saveIdentity(data: string, configuration: Configuration, privateKey: string): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  replaceFile(keyFile(data), privateKey);
  replaceFile(configurationFile(data), `${JSON.stringify(configuration, null, 2)}\n`);
}

/** A new file each time, because an old one keeps its mode; never half of one. */
function replaceFile(file: string, content: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, file);
}

/** Throws RefusedError with what to do when the file is missing or wrong. */
export function loadConfiguration(data: string): Configuration {
  const file = configurationFile(data);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new RefusedError(`${file} cannot be read (${code}): run "configure" first`);
  }
  try {
    return configurationSchema.parse(JSON.parse(text));
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new RefusedError(`${file} is not a valid agent configuration: ${detail}`);
  }
}
