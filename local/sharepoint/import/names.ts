import { TEMPORARY_FOLDER } from "../record/library-folder.ts";

/** MS docs "Invalid file names and file types in OneDrive and SharePoint". */
const FORBIDDEN_CHARACTERS = /["*:<>?/\\|\p{Cc}]/u;
const RESERVED_NAMES = /^(?:\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini)$/i;
const MAX_PATH_CHARACTERS = 400;

/**
 * Says what keeps a library path from being a valid SharePoint path, or undefined if nothing does.
 * `webUrl` is web-relative ("Shared Documents/a/b.txt"), `path` the part below the library.
 */
export function whyInvalid(webUrl: string, path: string): string | undefined {
  if (webUrl.length > MAX_PATH_CHARACTERS) {
    return `The specified file or folder name is too long: ${webUrl.length} characters, at most ${MAX_PATH_CHARACTERS}`;
  }
  const names = path.split("/");
  for (const name of names) {
    const isInvalid =
      name === "" ||
      name !== name.trim() ||
      name.endsWith(".") ||
      name.startsWith("~$") ||
      name.includes("_vti_") ||
      FORBIDDEN_CHARACTERS.test(name) ||
      RESERVED_NAMES.test(name);
    if (isInvalid)
      return `The file or folder name "${name}" contains characters or words that are not permitted`;
  }
  // "Forms" below the library root holds the library's own pages.
  if (/^forms(?:\/|$)/i.test(path)) return 'The name "forms" is reserved in the root of a library';
  if (path.split("/")[0] === TEMPORARY_FOLDER)
    return `This stand-in keeps unfinished files in "${TEMPORARY_FOLDER}"; SharePoint itself would take the name`;
  return undefined;
}
