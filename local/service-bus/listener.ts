import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface Listener {
  port: number;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1 and hands every socket on. `port` 0 takes a free one. TLS and HTTP, told from AMQP by the first
 * byte of a connection, would be added here.
 */
export async function listen(port: number, accept: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
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
