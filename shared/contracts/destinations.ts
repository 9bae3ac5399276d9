import { z } from "zod";
import { checkName } from "../rules/names.ts";

/* Where a task's items land. */

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** An https URL; http is for this machine only. */
function isSiteUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname))
  );
}

const isEmail = (text: string): boolean => z.email().safeParse(text).success;

/** A site, or the e-mail address of the person whose OneDrive is meant. */
const siteSchema = z
  .string()
  .trim()
  .max(400)
  .superRefine((text, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    if (isEmail(text)) return;
    if (!isSiteUrl(text)) refuse("must be an https URL, or the e-mail address of a OneDrive");
    else if (/_layouts\/15\/onedrive\.aspx/i.test(text))
      refuse("is the address of the OneDrive page; give the site's, up to /personal/<name>");
    else if (/[?#]/.test(text))
      refuse('must not have a query or fragment: leave out everything from "?" or "#" on');
  })
  .transform((text) => text.replace(/\/+$/, ""));

export const destinationSchema = z.object({
  siteUrl: siteSchema,
  library: z.string().min(1).max(255),
  /** Folder within the library, `/`-separated; empty for the library's root. */
  folder: z
    .string()
    .max(400)
    .default("")
    .transform((text) => text.split("/").filter(Boolean).join("/"))
    .superRefine((folder, context) => {
      folder.split("/").forEach((name, depth) => {
        if (folder === "") return;
        const violation = checkName(name, { isFolder: true, atLibraryRoot: depth === 0 });
        if (violation)
          context.addIssue({ code: "custom", message: `"${name}": ${violation.message}` });
      });
    }),
  /** Make the library if the site has none of this name. */
  createLibrary: z.boolean().optional(),
});
export type Destination = z.infer<typeof destinationSchema>;

/** A destination that was checked when it came in. */
export const placeSchema = z.object({
  siteUrl: z.string(),
  library: z.string(),
  folder: z.string(),
  createLibrary: z.boolean().optional(),
});
