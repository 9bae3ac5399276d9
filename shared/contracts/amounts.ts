import { z } from "zod";

/* What is counted of a round, in its views, its rows and its reports. */

export const amountSchema = z.object({ items: z.number().int(), bytes: z.number().int() });
export type Amount = z.infer<typeof amountSchema>;

/** What a scan has found. */
export const scannedAmount = {
  ...amountSchema.shape,
  files: z.number().int(),
  folders: z.number().int(),
  issues: z.number().int(),
};

/** What each stage has behind it. Items that need no upload are through all stages at once, so every stage ends at the scanned amount. */
export const stageAmounts = {
  packaged: amountSchema,
  uploaded: amountSchema,
  imported: amountSchema,
};

/** What became of the items. */
export const resultAmounts = {
  migrated: amountSchema,
  skipped: amountSchema,
  failed: amountSchema,
};
