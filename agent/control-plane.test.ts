import { createPrivateKey, createPublicKey, hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "@jest/globals";
import { jwtVerify } from "jose";
import { createControlPlane } from "./control-plane.ts";
import { createKeyPair } from "./identity.ts";

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  if (server) await once(server, "close");
  server = undefined;
});

const { privateKey } = createKeyPair();
const key = createPrivateKey(privateKey);

async function plane(
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => unknown,
  path = "",
) {
  server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    await answer(request, body, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return createControlPlane(`http://127.0.0.1:${port}${path}`, "agent-7", key);
}

it("signs method, path and body of each request", async () => {
  let checked = 0;
  const api = await plane(async (request, body, response) => {
    const [scheme, jwt] = (request.headers.authorization ?? "").split(" ");
    const { payload } = await jwtVerify(jwt as string, createPublicKey(privateKey));
    expect(scheme).toBe("Longshore");
    expect(payload).toMatchObject({
      ...{ iss: "agent-7", aud: "longshore", htm: "POST" },
      htu: "/base/api/agent/v1/work/a%20b/release",
      bh: hash("sha256", body, "base64url"),
    });
    expect((payload.exp as number) - (payload.iat as number)).toBeLessThanOrEqual(60);
    expect(JSON.parse(body)).toEqual({ epoch: 3 });
    checked++;
    response.writeHead(204).end();
  }, "/base");
  await api.release("a b", 3);
  expect(checked).toBe(1);
});

it("goes by the control plane's clock when its own is wrong", async () => {
  const ahead = 7_200_000;
  let refused = 0;
  const api = await plane(async (request, _body, response) => {
    const date = new Date(Date.now() + ahead);
    response.setHeader("date", date.toUTCString());
    const jwt = request.headers.authorization?.split(" ")[1] as string;
    try {
      await jwtVerify(jwt, createPublicKey(privateKey), { currentDate: date });
      response.end(JSON.stringify({ heartbeatSeconds: 5, work: [] }));
    } catch {
      refused++;
      response.writeHead(401).end(JSON.stringify({ code: "UNAUTHORIZED" }));
    }
  });
  await api.heartbeat({ slots: 2, work: [] });
  await api.heartbeat({ slots: 2, work: [] });
  expect(refused).toBe(1);
});

it("tells a refusal by the control plane from one on the way to it", async () => {
  const answers = [
    [403, "<html>Sign in to the proxy</html>"],
    [200, "<html>Sign in to the proxy</html>"],
    [503, ""],
    [401, JSON.stringify({ code: "UNAUTHORIZED", detail: "unknown agent" })],
    [409, JSON.stringify({ code: "STALE_LEASE" })],
  ] as const;
  let next = 0;
  const api = await plane((_request, _body, response) => {
    const [status, text] = answers[next++] as (typeof answers)[number];
    response.writeHead(status).end(text);
  });
  const seen: unknown[] = [];
  for (const _ of answers)
    await api.claim("w", 1).catch(({ retryable, unauthorized, code }) => {
      seen.push([retryable, unauthorized, code]);
    });
  expect(seen).toEqual([
    [true, false, undefined],
    [true, false, undefined],
    [true, false, undefined],
    [false, true, "UNAUTHORIZED"],
    [false, false, "STALE_LEASE"],
  ]);
});
