export type Log = (event: string, fields?: Record<string, unknown>) => void;

/** Writes one JSON line per event to stderr. Callers never pass keys, tokens or URLs with a SAS. */
export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
};
