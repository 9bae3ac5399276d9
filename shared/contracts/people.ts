import { z } from "zod";

/** People and groups as the source knows them, and as the destination does. */

/** A login name ("ada", "CONTOSO\\ada", "ada@contoso.com"), a SID, or "uid:1234" where no name belongs to a number. */
export const principalSchema = z.string().min(1).max(255);

export const PRINCIPAL_KINDS = ["user", "group"] as const;
/** Weakest first. */
export const RIGHTS = ["read", "write", "full"] as const;

/** What one person or group may do with an item. */
export const accessSchema = z.object({
  principal: principalSchema,
  kind: z.enum(PRINCIPAL_KINDS),
  right: z.enum(RIGHTS),
});
export type Access = z.infer<typeof accessSchema>;
export type Principal = Pick<Access, "principal" | "kind">;
export type Right = Access["right"];

/** `ada@contoso.com`, without what a claim or a manifest cannot carry. */
const UPN = /^[^\s@|\\/<>"',;:\p{C}]+@[^\s@|\\/<>"',;:\p{C}]+$/u;
export const isUpn = (text: string): boolean => text.length <= 200 && UPN.test(text);

export const upnSchema = z.string().trim().max(200).regex(UPN, {
  error: "must be a user principal name, like ada@contoso.com",
});

/** What a user map that was accepted holds. */
export const userMapViewSchema = z.object({
  rows: z.number().int(),
  /** Of these, for groups, and for whole domains. */
  groups: z.number().int(),
  domains: z.number().int(),
});
