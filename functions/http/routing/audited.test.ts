import { TableClient } from "@azure/data-tables";
import { expect, it } from "@jest/globals";
import { suiteStorage } from "../../../test/support/suite.ts";
import { AuditStore } from "../../stores/audit.ts";
import { audited } from "./audited.ts";

const storage = suiteStorage();

it("a change that was made is answered as made, although its entry could not be completed", async () => {
  const table = TableClient.fromConnectionString(storage.connection, "Audited", {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
  await table.createTable();
  let isAway = false;
  table.pipeline.addPolicy({
    name: "away",
    sendRequest: (request, next) =>
      isAway ? Promise.reject(new Error("storage is away")) : next(request),
  });
  const audit = new AuditStore(table);
  const who = { actor: "Ana", actorId: "ana", role: "operator" as const };
  const answer = await audited(audit, { ...who, action: "createTask", ids: {} }, async () => {
    isAway = true;
    return { answer: { status: 201 }, ids: { task: "t" } };
  });
  expect(answer).toEqual({ status: 201 });
  isAway = false;
  expect((await audit.page({ limit: 10 })).entries).toMatchObject([{ outcome: "unknown" }]);
});
