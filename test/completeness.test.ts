import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { settingNames } from "../functions/config.ts";
import { errorCatalogue } from "../scripts/docs/error-catalogue.ts";
import { settingsPage } from "../scripts/docs/settings-page.ts";
import type { ErrorDefinition } from "../shared/contracts/errors/definition.ts";
import { ERRORS } from "../shared/contracts/errors.ts";

/* What no compiler checks: that nothing is forgotten, and that arrows between folders point one way. */

const root = fileURLToPath(new URL("../", import.meta.url));
const text = (file: string) => readFileSync(join(root, file), "utf8");
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
const isTest = (file: string) =>
  file.endsWith(".test.ts") ||
  /(^|\/)(test-support|conformance|fixture)(\/|\.)/.test(file) ||
  file.startsWith("test/");
const product = ["functions", "agent", "shared"].flatMap(filesIn).filter((file) => !isTest(file));

interface Import {
  file: string;
  /** A file of ours as a path from the root, or the name of a module. */
  to: string;
}

function importsOf(file: string): Import[] {
  const specifiers = text(file).matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s+"([^"]+)"|(?:^|\n)\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/g,
  );
  return [...specifiers].map(([, from, bare, dynamic]) => {
    const to = (from ?? bare ?? dynamic) as string;
    return { file, to: to.startsWith(".") ? relative(root, resolve(root, dirname(file), to)) : to };
  });
}
const imports = product.flatMap(importsOf);
const shown = (found: Import[]) => found.map(({ file, to }) => `${file} -> ${to}`);

describe("settings", () => {
  const sample = JSON.parse(text("local.settings.sample.json")) as {
    Values: Record<string, string>;
  };
  /** Settings of the Functions runtime, of its SDKs and of Node. */
  const NOT_OURS = [
    "AzureWebJobsStorage",
    "FUNCTIONS_WORKER_RUNTIME",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "NODE_EXTRA_CA_CERTS",
  ];

  it("are all in the sample, and the sample has no others", () => {
    const ours = Object.keys(sample.Values).filter((name) => !NOT_OURS.includes(name));
    expect(ours.sort()).toEqual([...settingNames].sort());
  });
});

describe("the functions app", () => {
  const index = importsOf("functions/index.ts").map(({ to }) => to);

  it.each(["http", "orchestrations", "timers"])("registers every trigger of %s", (folder) => {
    const triggers = filesIn(`functions/${folder}`).filter(
      (file) => !isTest(file) && /\b(df\.app\.|app\.(http|timer)\(|defineRoute\()/.test(text(file)),
    );
    // The two that make the others.
    const helpers = ["functions/http/routing/route.ts", "functions/orchestrations/call.ts"];
    expect(index.filter((file) => file.startsWith(`functions/${folder}/`)).sort()).toEqual(
      triggers.filter((file) => !helpers.includes(file)),
    );
    expect(triggers.length).toBeGreaterThan(0);
  });

  it("uses every activity", () => {
    const used = new Set(
      filesIn("functions/orchestrations")
        .flatMap(importsOf)
        .map(({ to }) => to),
    );
    const activities = filesIn("functions/activities").filter(
      (file) => !isTest(file) && file !== "functions/activities/activity.ts",
    );
    expect(activities.filter((file) => !used.has(file))).toEqual([]);
  });

  it("names every function after its file, and none twice", () => {
    const names = product.flatMap((file) =>
      [
        ...text(file).matchAll(
          /(?:defineActivity|df\.app\.orchestration|app\.timer)\(\s*"(\w+)"|defineRoute\(\s*\{?\s*(?:name: )?"(\w+)"/g,
        ),
      ].map(([, name, route]) => ({ name: (name ?? route) as string, file })),
    );
    expect(names.length).toBeGreaterThan(30);
    const lower = names.map(({ name }) => name.toLowerCase());
    expect(new Set(lower).size).toBe(lower.length);
    for (const { name, file } of names)
      if (/(activities|orchestrations|timers)/.test(file))
        expect(file.endsWith(`/${name}.ts`)).toBe(true);
  });
});

describe("error codes", () => {
  const codes = Object.entries(ERRORS) as [string, ErrorDefinition][];
  const source = product
    .filter((file) => !file.startsWith("shared/contracts/errors"))
    .map(text)
    .join("\n");

  it.each(codes)("%s says what happened, what to do, and is used", (code, definition) => {
    expect(definition.cause).toMatch(/^[A-Z].*\.$/s);
    expect(definition.remedy).toMatch(/^[A-Z].*\.$/s);
    if (definition.legacy) expect(definition.legacy).toMatch(/^0x[0-9A-F]{8}$/);
    expect(source).toMatch(new RegExp(`\\b${code}\\b`));
  });
});

describe("pages that npm run docs writes", () => {
  it("docs/errors.md is what the list of codes says", () => {
    expect(text("docs/errors.md")).toBe(errorCatalogue());
  });

  it("docs/settings.md is what the schema of the settings says", () => {
    expect(text("docs/settings.md")).toBe(settingsPage());
  });
});

describe("arrows between folders", () => {
  const from = (folder: string) => imports.filter(({ file }) => file.startsWith(`${folder}/`));
  const to = (found: Import[], ...folders: string[]) =>
    shown(found.filter((each) => folders.some((folder) => each.to.startsWith(`${folder}/`))));

  it("agent and control plane share code, and nothing else", () => {
    expect(to(from("functions"), "agent", "local", "scripts", "test")).toEqual([]);
    expect(to(from("agent"), "functions", "local", "scripts", "test")).toEqual([]);
    expect(to(from("shared"), "functions", "agent", "local", "scripts", "test")).toEqual([]);
  });

  it("nobody knows the stand-ins but those who start them", () => {
    const everywhere = ["functions", "agent", "shared", "scripts", "local"]
      .flatMap(filesIn)
      .filter((file) => !isTest(file))
      .flatMap(importsOf);
    const knowing = everywhere.filter(
      ({ file, to: target }) => target.startsWith("local/") && !/^(local|scripts)\//.test(file),
    );
    expect(shown(knowing)).toEqual([]);
  });

  it("rules and shared code know no Azure, and rules no storage", () => {
    const pure = [...from("functions/domain"), ...from("shared")];
    const sdk = pure.filter(({ to: target }) => /^(@azure\/|durable-functions|jose)/.test(target));
    expect(shown(sdk)).toEqual([]);
    const outward = ["stores", "operations", "activities", "orchestrations", "http", "queues"];
    expect(to(from("functions/domain"), ...outward.map((name) => `functions/${name}`))).toEqual([]);
  });

  it("contracts and rules run anywhere: they need nothing of Node", () => {
    const anywhere = [...from("shared/contracts"), ...from("shared/rules")];
    expect(shown(anywhere.filter(({ to: target }) => target.startsWith("node:")))).toEqual([]);
    // Schemas, schedules and name patterns; all three run in a browser as well.
    const pure = ["zod", "croner", "picomatch"];
    const others = anywhere.filter(
      ({ to: target }) => !target.startsWith("shared/") && !pure.includes(target),
    );
    expect(shown(others)).toEqual([]);
  });

  it("of Node, packages need ciphers and hashes, and the CRC of a zip", () => {
    const users = from("shared").filter(({ to: target }) => target.startsWith("node:"));
    expect(shown(users).sort()).toEqual([
      "shared/package/archive.ts -> node:zlib",
      "shared/package/cipher.ts -> node:crypto",
      "shared/package/ids.ts -> node:crypto",
    ]);
  });
});
