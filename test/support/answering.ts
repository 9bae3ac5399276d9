import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface AnsweringServer {
  origin: string;
  close(): Promise<void>;
}

interface Fixed {
  status: number;
  /** Sent as JSON, unless it is text already. */
  body: unknown;
  headers?: Record<string, string>;
}

/** What every request is answered; nothing at all hangs up. */
export type Answer =
  | Fixed
  | ((request: IncomingMessage, body: Record<string, unknown>) => Fixed | undefined);

/** A server that answers JSON as the test says, for what no real one does on demand. */
export async function answering(answer: Answer): Promise<AnsweringServer> {
  const answerOf = typeof answer === "function" ? answer : () => answer;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString();
    const found = answerOf(request, sent ? JSON.parse(sent) : {});
    if (!found) {
      request.socket.destroy();
      return;
    }
    const { status, body, headers } = found;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
