// The first thing every npm script runs. Plain JavaScript without dependencies, because on a fresh clone there is
// nothing else: it finds or installs a suitable Node, installs the locked packages, builds what is stale, and then
// runs the wanted command. It says what it does on stderr, so that stdout stays the command's own.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const wantedNode = "24.21.0";
const tag = "longshore:";
const say = (text) => process.stderr.write(`${tag} ${text}\n`);

const commands = {
  migrate: { build: true, run: ["dist/scripts/migrate.js"], watched: true },
  start: { build: true, run: ["dist/scripts/start.js"], watched: true },
  agent: { build: true, run: ["dist/agent/main.js"] },
  bench: { build: true, run: ["dist/scripts/bench/main.js"] },
  storm: { build: true, run: ["scripts/storm/machine.ts"] },
  docs: { run: ["scripts/docs/write.ts"] },
  build: { build: "always" },
  typecheck: { run: ["node_modules/typescript/bin/tsc"] },
  lint: { run: ["node_modules/@biomejs/biome/bin/biome", "ci", "--error-on-warnings", "."] },
  fix: { run: ["node_modules/@biomejs/biome/bin/biome", "check", "--write", "."] },
  test: {
    build: true,
    run: [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      "node_modules/jest/bin/jest.js",
    ],
  },
};

/** A Node that has node:sqlite and is the version the lock file was made with; the system's own if it is new enough. */
function suitableNode() {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const binary = join(
    root,
    ".node/node_modules",
    name,
    process.platform === "win32" ? "bin/node.exe" : "bin/node",
  );
  if (!existsSync(binary)) {
    say(`Node ${process.versions.node} is too old; installing Node ${wantedNode} into .node/`);
    mkdirSync(join(root, ".node"), { recursive: true });
    if (!existsSync(join(root, ".node/package.json")))
      writeFileSync(join(root, ".node/package.json"), '{ "private": true }\n');
    const args = [
      "install",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--loglevel=error",
      "--prefix",
      join(root, ".node"),
      `${name}@${wantedNode}`,
    ];
    runOrExit(
      "npm",
      args,
      process.env,
      `could not install Node ${wantedNode}. Install Node 24 yourself and run this again.`,
    );
  }
  return binary;
}

function runOrExit(command, args, env, problem) {
  const result = spawnSync(command, args, {
    cwd: root,
    env,
    // npm's chatter belongs on stderr: stdout may be somebody's JSON.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) {
    say(problem);
    process.exit(1);
  }
}

function ensurePackages(env) {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules/.longshore-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing the locked packages (npm ci); this takes a minute the first time");
  runOrExit(
    "npm",
    ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    env,
    "npm ci failed; see above.",
  );
  writeFileSync(stamp, lock);
}

function newestSource() {
  let newest = 0;
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
        newest = Math.max(newest, statSync(path).mtimeMs);
    }
  };
  for (const folder of ["functions", "agent", "shared", "local", "scripts"])
    if (existsSync(join(root, folder))) walk(join(root, folder));
  return newest;
}

function ensureBuild(node, env, always) {
  const stamp = join(root, "dist/.built");
  if (!always && existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  say("building");
  runOrExit(
    node,
    ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"],
    env,
    "the build failed; see above.",
  );
  writeFileSync(stamp, "");
}

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  say(`unknown command ${name ?? ""}; use one of ${Object.keys(commands).join(", ")}`);
  process.exit(1);
}
const node = suitableNode();
const env = {
  ...process.env,
  PATH: `${dirname(node)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`,
};
ensurePackages(env);
if (command.build) ensureBuild(node, env, command.build === "always");
if (command.run) {
  // Paths in the arguments are the caller's: resolve them against where npm was started, not where package.json is.
  const child = spawn(node, [...command.run, ...rest], {
    cwd: root,
    env: { ...env, LONGSHORE_CWD: process.env.INIT_CWD ?? process.cwd() },
    // Nothing is sent over the channel: it closes when this process is killed, and the child stops what it started.
    stdio: command.watched ? ["inherit", "inherit", "inherit", "ipc"] : "inherit",
  });
  // The child decides how to end; this process only passes the wish on and waits.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}
