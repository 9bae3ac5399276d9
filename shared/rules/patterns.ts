import picomatch from "picomatch";

/* What is wrong with a pattern or list that somebody sets, and what to write instead; undefined when nothing is. */

/** A backslash only takes the meaning from what follows; on Windows people write it between folders. */
const BACKSLASH_AS_SEPARATOR = /\\(?![*?[\]{}()!+@|\\])/;

/** Of a glob of `excludeNames`, or of `excludeFolders`, which are compared with names only. */
export function globProblem(pattern: string, onlyNames = false): string | undefined {
  if (pattern === "") return "is empty; leave it out";
  if (onlyNames && /\/|\\(?![*?[\]{}()!+@|])/.test(pattern))
    return 'is compared with the name of a folder, which has no "/" or "\\"; paths belong into excludeNames';
  if (BACKSLASH_AS_SEPARATOR.test(pattern))
    return 'has a "\\"; write "/" between folders, and "\\" only before * ? [ ] { } ( ) ! + @ | to mean the character itself';
  if (/.\/$/.test(pattern))
    return 'ends with "/" and would match nothing; leave that out, or write "/**" for what is in the folder';
  if (/\/\/|(^|\/)\.\.(\/|$)/.test(pattern))
    return 'has "//" or "..", and would match nothing; paths begin below the source';
  if (/^!(?!\()/.test(pattern))
    return 'begins with "!" and would leave out everything else, folders too; write "\\!" to mean the character itself';
  try {
    picomatch(pattern, { strictBrackets: true });
    return undefined;
  } catch (error) {
    const [, which = "bracket", sign = ""] =
      /Missing (\w+): "(.)"/.exec((error as Error).message) ?? [];
    return `misses its ${which} "${sign}"; add it, or write "\\" before the other one to mean the character itself`;
  }
}

/** Of `excludeExtensions`: "TXT:EXE", with or without periods and spaces around. */
export function extensionsProblem(list: string): string | undefined {
  for (const text of list.split(":")) {
    const extension = text.trim().replace(/^\./, "");
    const last = extension.split(".").at(-1);
    if (/[/\\*?,;\s]/.test(extension))
      return `"${text.trim()}": must be extensions with ":" between them, like TXT:EXE`;
    if (last !== extension)
      return `"${text.trim()}": only what follows the last period counts; write "${last}"`;
  }
  return undefined;
}
