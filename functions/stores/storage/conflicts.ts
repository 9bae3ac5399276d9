import { RestError } from "@azure/data-tables";

export const statusOf = (error: unknown) =>
  error instanceof RestError ? error.statusCode : undefined;

/** Somebody else was there first: the row exists already, is another one by now, or is gone. That a table is missing is none. */
export const isConflict = (error: unknown) =>
  statusOf(error) === 409 || statusOf(error) === 412 || isGone(error);

const isGone = (error: unknown) =>
  error instanceof RestError && error.statusCode === 404 && error.code === "ResourceNotFound";

/** Runs a read-check-write again when somebody else wrote in between; gives up after many tries, as nothing else is left. */
export async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(200, 5 * tries)));
    }
  }
}
