import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface AnsweringServer {
  origin: string;
  close(): Promise<void>;
}

type AnswerOf = (
  request: IncomingMessage,
  body: Record<string, unknown>,
) => { status: number; body: unknown; headers?: Record<string, string> };

/** A server that answers JSON as the test says, for what no real one does on demand. */
export async function answering(answerOf: AnswerOf): Promise<AnsweringServer> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString();
    const { status, body, headers } = answerOf(request, sent ? JSON.parse(sent) : {});
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
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
