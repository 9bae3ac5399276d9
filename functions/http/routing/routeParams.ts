import { LongshoreError } from "../../../shared/contracts/errors.ts";

/** The parameters of a route as its template names them: `{task}` is text, `{round:int}` a number. */
export type RouteParams<R extends string> = R extends `${string}{${infer P}}${infer Rest}`
  ? Param<P> & RouteParams<Rest>
  : unknown;
type Param<P extends string> = P extends `${infer N}:int` ? Record<N, number> : Record<P, string>;

const id = "[0-9a-hjkmnp-tv-z]{4,32}";

/** How the text parameters look, by name. What looks otherwise names nothing that exists, and never becomes a key of a table. */
export const PARAM_PATTERNS: Record<string, string> = {
  session: id,
  task: `${id}-${id}`,
  scan: `${id}-${id}`,
  agent: id,
  webhook: id,
  token: id,
  check: id,
  name: "\\w[\\w .()-]{0,127}",
  work: "[\\w.-]{1,255}",
};

export interface RouteParam {
  name: string;
  isNumber: boolean;
}

export const paramsOf = (route: string): RouteParam[] =>
  [...route.matchAll(/\{(\w+)(:int)?\}/g)].map(([, name, int]) => ({
    name: name as string,
    isNumber: int !== undefined,
  }));

export function parseParams<R extends string>(
  params: readonly RouteParam[],
  values: Record<string, string>,
): RouteParams<R> {
  const parsed = params.map(({ name, isNumber }) => {
    const given = values[name] ?? "";
    // Ids have no capital letters: whoever writes them with some means the same.
    const text = name === "name" || name === "work" ? given : given.toLowerCase();
    const fits = isNumber ? /^\d{1,9}$/ : new RegExp(`^(?:${PARAM_PATTERNS[name] ?? id})$`);
    if (!fits.test(text))
      throw new LongshoreError("NOT_FOUND", `there is no ${name} "${text.slice(0, 80)}"`);
    return [name, isNumber ? Number(text) : text] as const;
  });
  return Object.fromEntries(parsed) as RouteParams<R>;
}
