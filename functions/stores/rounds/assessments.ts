import type { ContainerClient } from "@azure/storage-blob";
import { RestError } from "@azure/storage-blob";
import { type Assessment, assessmentSchema } from "../../../shared/contracts/assessment.ts";
import { reportFolder } from "./roundBlobs.ts";

type RoundRef = { taskId: string; round: number };

/** Name of the report among those of the round. */
export const assessmentName = ({ round }: { round: number }) => `Assessment_R${round}.json`;

/** Beside the reports, and readable without our help. */
const name = (ref: RoundRef) => `${reportFolder(ref)}${assessmentName(ref)}`;

export async function writeAssessment(
  reports: ContainerClient,
  ref: RoundRef,
  assessment: Assessment,
): Promise<void> {
  const body = JSON.stringify(assessment, undefined, 2);
  await reports.getBlockBlobClient(name(ref)).upload(body, Buffer.byteLength(body), {
    blobHTTPHeaders: { blobContentType: "application/json; charset=utf-8" },
  });
}

/** Undefined as long as the round has not ended. */
export async function readAssessment(
  reports: ContainerClient,
  ref: RoundRef,
): Promise<Assessment | undefined> {
  try {
    const body = await reports.getBlobClient(name(ref)).downloadToBuffer();
    return assessmentSchema.parse(JSON.parse(body.toString("utf8")));
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}
