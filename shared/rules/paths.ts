/*
 * Relative paths as every part of Longshore writes them: "/" between names, no leading or trailing "/", "" is the root.
 */

/**
 * Total order of a depth-first walk whose siblings are visited in the byte order of their UTF-8 names: a folder, then
 * everything in it, then its next sibling. That is comparison name by name, and the same as comparing whole paths with
 * "/" below every other character ("a", "a/b", "a b": without that rule the space would come between "a" and its content).
 *
 * JavaScript compares strings by UTF-16 code unit, which puts astral characters (D800-DFFF) before U+E000-U+FFFF; UTF-8
 * and code point order put them after.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const SLASH = 0x2f;

function rank(unit: number): number {
  if (unit === SLASH) return -1;
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** "A/B/c.txt" -> "A/B"; a name at the root -> "". */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** "A/B/c.txt" -> "c.txt". */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Number of names in the path; 0 for the root. */
export function depth(path: string): number {
  if (path === "") return 0;
  let names = 1;
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) names++;
  return names;
}

/** `name` in folder `parent`; either may be "". */
export function joinPath(parent: string, name: string): string {
  if (parent === "") return name;
  return name === "" ? parent : `${parent}/${name}`;
}

const SHOWN_START = 200;
const SHOWN_END = 200;

/**
 * A path as messages name it. Linux opens paths of 4,096 bytes, and a message has room for 2,000 characters: of a long path the
 * start and the end are shown, without half a surrogate pair where they meet.
 */
export function shown(path: string): string {
  if (path.length <= SHOWN_START + SHOWN_END) return path;
  const start = path.slice(0, SHOWN_START).replace(/[\ud800-\udbff]$/, "");
  const end = path.slice(-SHOWN_END).replace(/^[\udc00-\udfff]/, "");
  return `${start}…${end}`;
}

/** Last extension as written, without the dot: "a.tar.GZ" -> "GZ". "" for none, a dotfile (".bashrc") or a final dot. */
export function extensionOf(path: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1) : "";
}

/**
 * Two siblings with the same key differ at most by case, so SharePoint holds only one of them.
 *
 * Upper case is what NTFS and SharePoint fold by, letter for letter: characters whose upper case is longer (sharp s: SS) stay.
 * No Unicode normalisation: SharePoint keeps the composed and the decomposed form of a name as two items.
 */
export function caseKey(name: string): string {
  const upper = name.toUpperCase();
  if (upper.length === name.length) return upper;
  let key = "";
  for (const character of name) {
    const folded = character.toUpperCase();
    key += folded.length === character.length ? folded : character;
  }
  return key;
}
