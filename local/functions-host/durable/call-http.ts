/** `context.df.callHttp`: an activity of the extension itself, and the polling of what is answered 202. */

import { OrchestrationFault } from "./orchestration-fault.ts";

export const BUILTIN_HTTP = "BuiltIn::HttpActivity";

export interface HttpRequest {
  method: string;
  uri: string;
  content?: string;
  headers?: Record<string, string>;
  asynchronousPatternEnabled?: boolean;
}

/** How long `callHttp` waits before it polls a 202 without Retry-After. */
export const HTTP_POLL_MS = 30_000;

interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  content: string;
}

/** Runs the activity; takes and returns JSON. */
export async function sendHttp(input: string | null): Promise<string> {
  const { uri, method, headers, content } = JSON.parse(input ?? "{}") as HttpRequest;
  const response = await fetch(uri, {
    method,
    ...(headers ? { headers } : {}),
    ...(content ? { body: content } : {}),
  });
  const answer: HttpAnswer = {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    content: await response.text(),
  };
  return JSON.stringify(answer);
}

/**
 * What to ask next, and when, if the answer (as JSON) was a 202 with a Location. The extension parses Retry-After as a number of
 * seconds and Location as an address; what is neither fails the orchestration.
 */
export function nextPoll(request: HttpRequest, answerJson: string | null) {
  const answer = JSON.parse(answerJson ?? "null") as HttpAnswer | null;
  if (answer?.statusCode !== 202 || request.asynchronousPatternEnabled === false) return undefined;
  const { location, "retry-after": retryAfter } = answer.headers;
  if (!location) return undefined;
  const uri = URL.parse(location, request.uri)?.href;
  if (!uri) throw new OrchestrationFault(`callHttp: Location '${location}' is no address.`);
  const delayMs = retryAfter === undefined ? HTTP_POLL_MS : Number(retryAfter) * 1000;
  if (!Number.isInteger(delayMs)) {
    throw new OrchestrationFault(`callHttp: Retry-After '${retryAfter}' is no number of seconds.`);
  }
  const { content: _, ...rest } = request;
  return { request: { ...rest, method: "GET", uri }, delayMs };
}
