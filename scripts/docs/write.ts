import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorCatalogue } from "./error-catalogue.ts";
import { settingsPage } from "./settings-page.ts";

/* Writes the pages that are made from the code; test/completeness.test.ts holds the two together. */

const PAGES = { "errors.md": errorCatalogue, "settings.md": settingsPage };

for (const [name, page] of Object.entries(PAGES))
  writeFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), page());
