import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { removeFolder, temporaryFolder } from "../testing/folders.ts";
import { openDatabase } from "./database.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => removeFolder(folder));

it("opens again what it has written", () => {
  openDatabase(folder).close();
  openDatabase(folder).close();
});

it("refuses what another release has written, and says what to do", () => {
  const older = new DatabaseSync(join(folder, "sharepoint.sqlite"));
  older.exec("CREATE TABLE items (id TEXT)");
  older.close();
  expect(() => openDatabase(folder)).toThrow("another release");
});
