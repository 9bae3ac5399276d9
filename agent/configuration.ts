import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

export function saveConfiguration(data: string, configuration: Configuration): void {
  writeFileSync(configurationFile(data), `${JSON.stringify(configuration, null, 2)}\n`);
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

/** Makes the data folder, which holds the agent's key and configuration and is nobody else's business. */
export function makeDataFolder(data: string): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
}
