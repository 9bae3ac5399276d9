import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import type { Certificate } from "../certificate.ts";
import type { Transport } from "./amqp/rhea.ts";
import { overWebSocket } from "./amqp/web-socket.ts";

export interface Listener {
  port: number;
  close(): Promise<void>;
}

export interface Protocols {
  /** Speaks AMQP on a connection. */
  amqp(transport: Transport): void;
  /** Answers the administration's HTTP requests. */
  http: RequestListener;
}

const WEB_SOCKET_PATH = "/$servicebus/websocket";
const WEB_SOCKET_PROTOCOL = "AMQPWSB10";

/**
 * Listens on 127.0.0.1; `port` 0 takes a free one. One port speaks everything, so that one connection string serves every
 * client: the SDK makes `https://<host:port>/` of it for the administration and `wss://<host:port>/$servicebus/websocket` for
 * WebSockets. The first byte of a connection tells TLS (refused without a certificate) from AMQP from HTTP.
 */
export async function listen(
  port: number,
  { amqp, http }: Protocols,
  certificate?: Certificate,
): Promise<Listener> {
  const secureContext = certificate && createSecureContext(certificate);
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: () => WEB_SOCKET_PROTOCOL,
  });
  const httpServer = createHttpServer(http).on("upgrade", (request, socket, head) => {
    const offered = request.headers["sec-websocket-protocol"]?.split(/, */) ?? [];
    if (request.url === WEB_SOCKET_PATH && offered.includes(WEB_SOCKET_PROTOCOL))
      webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        amqp(overWebSocket(webSocket)),
      );
    else socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
  });

  const tell = (socket: Socket) => {
    socket.on("error", () => socket.destroy()); // Whoever takes it on hears of it as well.
    socket.once("data", (bytes: Buffer) => {
      socket.pause();
      socket.unshift(bytes);
      switch (String.fromCharCode(bytes[0] as number)) {
        case "A":
          amqp(socket);
          break;
        case "\x16":
          if (!secureContext) return socket.destroy();
          return tell(new TLSSocket(socket, { isServer: true, secureContext }));
        default:
          httpServer.emit("connection", socket);
      }
      socket.resume();
    });
  };

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    tell(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroySoon();
      await once(server, "close");
    },
  };
}
