import { z } from "zod";
import * as agents from "../../../shared/contracts/agents.ts";
import * as amounts from "../../../shared/contracts/amounts.ts";
import * as api from "../../../shared/contracts/api.ts";
import * as assessment from "../../../shared/contracts/assessment.ts";
import * as audit from "../../../shared/contracts/audit.ts";
import * as bulk from "../../../shared/contracts/bulk.ts";
import * as destinations from "../../../shared/contracts/destinations.ts";
import * as inventory from "../../../shared/contracts/inventory.ts";
import * as outcomes from "../../../shared/contracts/outcomes.ts";
import * as people from "../../../shared/contracts/people.ts";
import * as reports from "../../../shared/contracts/reports.ts";
import * as rounds from "../../../shared/contracts/rounds.ts";
import * as scans from "../../../shared/contracts/scans.ts";
import * as schedules from "../../../shared/contracts/schedules.ts";
import * as sessions from "../../../shared/contracts/sessions.ts";
import * as settingLevels from "../../../shared/contracts/settingLevels.ts";
import * as settings from "../../../shared/contracts/settings.ts";
import * as taskActions from "../../../shared/contracts/taskActions.ts";
import * as taskFilters from "../../../shared/contracts/taskFilters.ts";
import * as tasks from "../../../shared/contracts/tasks.ts";
import * as webhooks from "../../../shared/contracts/webhooks.ts";
import * as work from "../../../shared/contracts/work.ts";

type Side = "input" | "output";
type Json = Record<string, unknown>;

/** Schemas of the contracts by their names: `taskViewSchema` is the component "TaskView". No two may have the same. */
const names = z.registry<{ id: string }>();
const given = new Set<string>();
for (const contract of [
  agents,
  amounts,
  api,
  assessment,
  audit,
  bulk,
  destinations,
  inventory,
  outcomes,
  people,
  reports,
  rounds,
  scans,
  schedules,
  sessions,
  settingLevels,
  settings,
  taskActions,
  taskFilters,
  tasks,
  webhooks,
  work,
])
  for (const [name, schema] of Object.entries(contract))
    if (name.endsWith("Schema") && schema instanceof z.ZodType && !names.has(schema)) {
      const id = name.charAt(0).toUpperCase() + name.slice(1, -"Schema".length);
      if (given.has(id)) throw new Error(`two contracts have a ${name}`);
      given.add(id);
      names.add(schema, { id });
    }

const REF = /"#\/\$defs\/([^"]+)"/g;
const COMPONENT = /"#\/components\/schemas\/([^"]+)"/g;

/**
 * JSON Schemas (2020-12) of what routes take and give, with the named ones as components. A schema that looks different from
 * the two sides (a field with a default may be left out of what comes in) has a second component, "…Input".
 */
export function jsonSchemas(used: { schema: z.ZodType | undefined; side: Side }[]): {
  schemaOf(schema: z.ZodType, side: Side): Json;
  /** The schema of something that comes in, itself even when it is a component. */
  shapeOf(schema: z.ZodType): Json;
  /** Those that `text`, the JSON of a document, leads to. */
  componentsFor(text: string): Record<string, Json>;
} {
  const defs: Record<Side, Map<string, string>> = { input: new Map(), output: new Map() };
  const roots = { input: new Map<z.ZodType, string>(), output: new Map<z.ZodType, string>() };
  for (const { schema, side } of used) {
    if (!schema || roots[side].has(schema)) continue;
    const { $schema: _, $defs = {}, ...root } = convert(schema, side);
    roots[side].set(schema, JSON.stringify(root));
    for (const [name, def] of Object.entries($defs as Json))
      defs[side].set(name, JSON.stringify(def));
  }
  const differing = differingNames(defs.input, defs.output);
  const resolved = (text: string, side: Side): Json =>
    JSON.parse(
      text.replace(REF, (_, name: string) => {
        const suffix = side === "input" && differing.has(name) ? "Input" : "";
        return `"#/components/schemas/${name}${suffix}"`;
      }),
    );
  const components = new Map(
    [
      ...[...defs.output].map(([name, text]) => [name, resolved(text, "output")] as const),
      ...[...defs.input].map(
        ([name, text]) =>
          [differing.has(name) ? `${name}Input` : name, resolved(text, "input")] as const,
      ),
    ].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return {
    schemaOf: (schema, side) => resolved(roots[side].get(schema) as string, side),
    shapeOf(schema) {
      const root = resolved(roots.input.get(schema) as string, "input");
      const name =
        String(root.$ref ?? "")
          .split("/")
          .at(-1) ?? "";
      return components.get(name) ?? root;
    },
    componentsFor(text) {
      const found = new Set<string>();
      const visit = (each: string) => {
        for (const [, name = ""] of each.matchAll(COMPONENT)) {
          if (found.has(name)) continue;
          found.add(name);
          visit(JSON.stringify(components.get(name)));
        }
      };
      visit(text);
      return Object.fromEntries([...components].filter(([name]) => found.has(name)));
    },
  };
}

/** Names whose schemas, or the schemas they lead to, are not the same on both sides. */
function differingNames(input: Map<string, string>, output: Map<string, string>): Set<string> {
  const differing = new Set<string>();
  for (let before = -1; before < differing.size; ) {
    before = differing.size;
    for (const [name, text] of input) {
      const refs = [...text.matchAll(REF)].map(([, ref]) => ref as string);
      const other = output.get(name);
      if (other !== undefined && (other !== text || refs.some((ref) => differing.has(ref))))
        differing.add(name);
    }
  }
  return differing;
}

function convert(schema: z.ZodType, side: Side): Json {
  return z.toJSONSchema(schema, {
    io: side,
    metadata: names,
    unrepresentable: "any",
    override({ jsonSchema }) {
      // What our routes refuse (see unknownFields), and what zod writes for the output side only.
      if (side === "input" && jsonSchema.properties) jsonSchema.additionalProperties = false;
    },
  }) as Json;
}
