import type { ErrorDefinition, Stage } from "../../shared/contracts/errors/definition.ts";
import { ERRORS } from "../../shared/contracts/errors.ts";

const STAGES: Record<Stage, string> = {
  scan: "Scan: what the source does not give",
  package: "Package: what the rules of SharePoint or of the task keep back",
  upload: "Upload: from the source to storage",
  import: "Import: from storage to SharePoint",
  round: "Round: what stops a task as a whole",
  api: "API: requests that are refused",
  agent: "Agents",
};

/** docs/errors.md, made from the closed list of codes: one heading per code, so that a link to a code works, in order of the stages. */
export function errorCatalogue(): string {
  const all = Object.entries(ERRORS) as [string, ErrorDefinition][];
  const sections = (Object.keys(STAGES) as Stage[]).map((stage) => {
    const entries = all.filter(([, definition]) => definition.stage === stage).map(entry);
    return `## ${STAGES[stage]}\n\n${entries.join("\n")}`;
  });
  return `# Error codes

Every failed or skipped item of a report, every failed round and every refusal of the API carries one of these codes. The message
beside it says what was seen. *Familiar code* is the one that Microsoft's Migration Manager shows in the same case; it stands in
the column "Error code" of the reports. *A retry may help* says whether Longshore, or you by running the task again, may
succeed with nothing changed.

This page is written by \`npm run docs\` from the files of \`shared/contracts/errors/\`.

${sections.join("\n")}`;
}

function entry([code, { cause, remedy, retryable, legacy }]: [string, ErrorDefinition]): string {
  const facts = [
    retryable ? "A retry may help." : "A retry alone does not help.",
    ...(legacy ? [`Familiar code: \`${legacy}\`.`] : []),
  ];
  return `### ${code}

${inMarkdown(cause)}

**Remedy:** ${inMarkdown(remedy)}

${facts.join(" ")}
`;
}

const inMarkdown = (text: string) => text.replace(/[\\`*_<>|]/g, (mark) => `\\${mark}`);
