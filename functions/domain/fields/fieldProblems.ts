import type { z } from "zod";
import { fieldMessage } from "./fieldMessages.ts";

export interface FieldProblem {
  /** Where it is, with "." between the steps; empty for the whole. */
  field: string;
  message: string;
}

export const NO_SUCH_FIELD = "there is no such field";

/** Checks a value; what a schema has against it is said in words. */
export const parseFields = <T>(schema: z.ZodType<T>, value: unknown) =>
  schema.safeParse(value, { error: fieldMessage });

/** What zod has against a value, each by the field that a person would look at. */
export function fieldProblems(issues: readonly z.core.$ZodIssue[]): FieldProblem[] {
  return issues.flatMap(withinUnion).flatMap((issue) => {
    const field = issue.path.join(".");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        field: field === "" ? key : `${field}.${key}`,
        message: NO_SUCH_FIELD,
      }));
    return [{ field, message: issue.message }];
  });
}

/** What a union of objects says is that nothing fits; what is meant is the alternative that has all the keys. */
function withinUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.find((each) =>
    each.every(({ code, path }) => code !== "unrecognized_keys" && path.length > 0),
  );
  return meant?.map((each) => ({ ...each, path: [...issue.path, ...each.path] })) ?? [issue];
}
