import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { BindingInfo, CoreModule, RegisteredFunction } from "./core-module.ts";

/** What this host can trigger. Anything else stops the start: silence would look like success. */
const TRIGGERS = [
  "httpTrigger",
  "timerTrigger",
  "serviceBusTrigger",
  "orchestrationTrigger",
  "activityTrigger",
  "entityTrigger",
] as const;
export type TriggerType = (typeof TRIGGERS)[number];
const OTHER_BINDINGS = ["http", "durableClient", "orchestrationClient"];

/** A function of the app together with the binding that starts it. */
export interface AppFunction extends RegisteredFunction {
  trigger: { type: TriggerType; bindingName: string; binding: BindingInfo };
}

/**
 * Loads an app the way the Node.js worker does: every file that package.json `main` names (globs
 * allowed), then the `appStart` hooks, then registration is closed. The working directory becomes
 * the app's, as on Azure.
 */
export async function loadApp(core: CoreModule, appDirectory: string): Promise<AppFunction[]> {
  const manifest = path.join(appDirectory, "package.json");
  if (!existsSync(manifest)) throw new Error(`${manifest} is missing`);
  const { main, type } = JSON.parse(readFileSync(manifest, "utf8")) as {
    main?: string;
    type?: string;
  };
  if (!main)
    throw new Error(`${manifest} has no "main": name the file that registers the functions`);
  const files = globSync(main, { cwd: appDirectory }).sort();
  if (files.length === 0) {
    throw new Error(`Found zero files matching "${main}" in ${appDirectory}; is the app built?`);
  }
  core.install();
  process.chdir(appDirectory);
  const require = createRequire(manifest);
  for (const file of files) {
    const full = path.join(appDirectory, file);
    const isModule = file.endsWith(".mjs") || (type === "module" && !file.endsWith(".cjs"));
    if (isModule) await import(pathToFileURL(full).href);
    else require(full);
  }
  await core.runAppHooks("appStart", { functionAppDirectory: appDirectory });
  await core.finishStart();
  return [...core.functions.values()]
    .filter(({ name }) => !isDisabled(name))
    .map((registered) => ({ ...registered, trigger: findTrigger(registered) }));
}

/** MS docs: disable-function. The second spelling is for systems without dots in variable names. */
function isDisabled(name: string): boolean {
  const value =
    process.env[`AzureWebJobs.${name}.Disabled`] ?? process.env[`AzureWebJobs_${name}_Disabled`];
  return /^(true|1)$/i.test(value ?? "");
}

function findTrigger({ name, metadata }: RegisteredFunction): AppFunction["trigger"] {
  let trigger: AppFunction["trigger"] | undefined;
  for (const [bindingName, binding] of Object.entries(metadata.bindings)) {
    const type = TRIGGERS.find((known) => known === binding.type);
    if (type) trigger = { type, bindingName, binding };
    else if (!OTHER_BINDINGS.includes(binding.type)) {
      throw new Error(`function ${name}: this host does not know the binding "${binding.type}"`);
    }
  }
  if (!trigger) throw new Error(`function ${name} has no trigger that this host knows`);
  return trigger;
}
