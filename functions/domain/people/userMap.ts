import { isUpn, type Principal } from "../../../shared/contracts/people.ts";
import { csvRows } from "../bulk/csvRows.ts";

/** Who somebody at the source is at the destination. */
export interface UserMapRow {
  /** As the source spells it; "@old.local" stands for everybody of a domain. */
  login: string;
  /** User principal name, or what names a group; "@contoso.com" for a domain. */
  to: string;
  isGroup: boolean;
}

export interface UserMapProblem {
  row: number;
  message: string;
}

/** More than a directory that is migrated in one go; the map is held in memory. */
const MAX_ROWS = 500_000;

/**
 * Reads a user map as Migration Manager defines it: no header, three columns: login at the source, principal name at the
 * destination, TRUE for a group or FALSE. Every row that is wrong is named, numbered as a spreadsheet does.
 */
export function readUserMap(text: string): { rows: UserMapRow[]; problems: UserMapProblem[] } {
  const file = csvRows(text);
  const problems = file.problems.map(({ row, message }) => ({ row, message }));
  const rows: UserMapRow[] = [];
  const first = new Map<string, number>();
  for (const { row, cells } of file.rows) {
    const message = whatIsWrong(cells);
    const [login = "", to = "", group = ""] = cells;
    const isGroup = group.toUpperCase() === "TRUE";
    const key = keyOf(login, isGroup);
    const earlier = first.get(key);
    if (message !== undefined) problems.push({ row, message });
    else if (earlier !== undefined)
      problems.push({ row, message: `maps ${login} again, as row ${earlier} does; remove one` });
    else {
      first.set(key, row);
      rows.push({ login, to, isGroup });
    }
  }
  if (rows.length > MAX_ROWS)
    problems.push({ row: MAX_ROWS + 1, message: `a user map has at most ${MAX_ROWS} rows` });
  return { rows, problems };
}

function whatIsWrong(cells: readonly string[]): string | undefined {
  const [login = "", to = "", group = ""] = cells;
  if (cells.length !== 3)
    return `has ${cells.length} columns; give three: login, destination, TRUE or FALSE`;
  if (login === "") return "has no login in column A; give the login name at the source";
  if (login.length > 255 || to.length > 200) return "is too long: 255 and 200 characters at most";
  if (!/^(true|false)$/i.test(group))
    return `says "${group}" in column C; give TRUE for a group, FALSE for a person`;
  if (login.startsWith("@") !== to.startsWith("@"))
    return "maps a whole domain (@old.local) to something else; give a domain (@contoso.com) as well";
  if (login.startsWith("@"))
    return isUpn(`x${to}`) ? undefined : `has no domain in column B: "${to}"`;
  if (/^true$/i.test(group)) {
    if (to === "") return "has no group in column B; give its address or object id";
    return PLAIN.test(to) ? undefined : "has characters in column B that no name may have";
  }
  if (!isUpn(to) && !CLAIM.test(to))
    return `has no user principal name in column B: "${to}"; give one like ada@contoso.com`;
  return undefined;
}

const PLAIN = /^[^\p{C}]+$/u;
const CLAIM = /^[ic]:0[^\s\p{C}]+\|[^\p{C}]+$/u;
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A login that the destination can be asked for, or why there is none. */
export type Mapped = { login: string; isGroup: boolean } | { why: string };
export type Mapping = (principal: Principal) => Mapped;

/**
 * How principals of the source are mapped: by their own row, by their domain's, or, with `lookup`, by being an address
 * themselves. A row for the principal's kind goes before one for the other kind, which counts only where both share their
 * names, as in Active Directory: on POSIX systems the user "backup" and the group "backup" have nothing to do with each other.
 */
export function createMapping(
  rows: readonly UserMapRow[],
  { lookup }: { lookup: boolean },
): Mapping {
  const byKey = new Map(rows.map((row) => [keyOf(row.login, row.isGroup), row]));
  const find = (login: string, isGroup: boolean) =>
    byKey.get(keyOf(login, isGroup)) ??
    (OF_A_DIRECTORY.test(login) ? byKey.get(keyOf(login, !isGroup)) : undefined);
  return ({ principal, kind }) => {
    const isGroup = kind === "group";
    const own = find(principal, isGroup);
    if (own) return asked(own.to, own.isGroup);
    const at = principal.lastIndexOf("@");
    const domain = at > 0 ? find(principal.slice(at), isGroup) : undefined;
    if (domain) {
      const address = `${principal.slice(0, at)}${domain.to}`;
      return isUpn(address) ? asked(address, isGroup) : { why: `${address} is no address` };
    }
    if (!isUpn(principal)) return { why: lookup ? NO_ROW_NOR_ADDRESS : NO_ROW };
    return lookup ? asked(principal, isGroup) : { why: NO_ROW };
  };
}

/** CONTOSO\\ada, ada@contoso.com, or a SID. */
const OF_A_DIRECTORY = /[\\@]|^S-\d+-/i;

const NO_ROW = "no row of the user map names it";
const NO_ROW_NOR_ADDRESS = "no row of the user map names it, and it is no address";

/** The destination's spelling (claims): a person by principal name, a group of the directory by object id or address. */
function asked(to: string, isGroup: boolean): Mapped {
  if (CLAIM.test(to)) return { login: to, isGroup };
  if (!isGroup) return { login: `i:0#.f|membership|${to}`, isGroup };
  return { login: GUID.test(to) ? `c:0t.c|tenant|${to.toLowerCase()}` : to, isGroup };
}

const keyOf = (login: string, isGroup: boolean) => `${isGroup} ${login.toLowerCase()}`;
