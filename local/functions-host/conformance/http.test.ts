import http from "node:http";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startTestHost, type TestHost } from "./test-host.ts";

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost();
});
afterAll(() => host.dispose());

const status = async (target: string, headers?: Record<string, string>) =>
  (await host.get(target, headers)).status;

describe("routes", () => {
  it("1: route prefix, optional parameter, constraint mismatch", async () => {
    expect((await host.get("/api/hello/bob")).json.name).toBe("bob");
    expect((await host.get("/api/hello")).json.name).toBeNull();
    expect(await status("/api/hello/b0b")).toBe(404);
    expect(await status("/hello")).toBe(404);
  });

  it("2: a wrong method is 404", async () => {
    expect((await host.request("DELETE", "/api/hello")).status).toBe(404);
  });

  it("3: int constraint and catch-all", async () => {
    expect((await host.get("/api/items/42/a/b")).json).toEqual({ id: "42", rest: "a/b" });
    expect((await host.get("/api/items/42")).json).toEqual({ id: "42" });
    expect(await status("/api/items/x/a")).toBe(404);
  });

  it("11: an unknown function is 404", async () => {
    expect(await status("/api/nobody")).toBe(404);
  });

  it("13: a disabled function is 404", async () => {
    expect(await status("/api/switchedOff")).toBe(404);
  });

  it("18: the most specific route wins, whatever the order of registration", async () => {
    expect((await host.get("/api/things/new")).text).toBe("literal");
    expect((await host.get("/api/things/7")).text).toBe("constrained");
    expect((await host.get("/api/things/x")).text).toBe("parameter");
    expect((await host.get("/api/things/x/y")).text).toBe("catch-all");
  });
});

describe("keys", () => {
  it("4: authLevel function takes the host key or the master key, in header or query", async () => {
    const { master, durable } = host.keys;
    const functions = host.keys.default;
    expect(await status("/api/secure")).toBe(401);
    expect(await status("/api/secure?code=wrong")).toBe(401);
    expect(await status("/api/secure", { "x-functions-key": durable })).toBe(401);
    expect(await status("/api/secure", { "x-functions-key": functions })).toBe(200);
    expect(await status(`/api/secure?code=${functions}`)).toBe(200);
    expect(await status("/api/secure", { "x-functions-key": master })).toBe(200);
    // The header wins over the query.
    expect(await status(`/api/secure?code=${functions}`, { "x-functions-key": "no" })).toBe(401);
  });

  it("4: there may be several host keys, and the function sees which one was sent", async () => {
    const put = (name: string, body?: unknown, key = host.keys.master) =>
      host.request("PUT", `/admin/host/keys/${name}`, body, { "x-functions-key": key });
    const created = await put("reader");
    expect([created.status, created.json]).toEqual([
      201,
      { name: "reader", value: host.keys.reader },
    ]);
    expect((await put("operator", { name: "operator", value: "chosen" })).status).toBe(201);
    const secure = await host.get("/api/secure", { "x-functions-key": "chosen" });
    expect([secure.status, secure.text]).toEqual([200, "chosen"]);
    expect(await status(`/api/secure?code=${created.json.value}`)).toBe(200);
    expect(await status("/api/adminOnly", { "x-functions-key": "chosen" })).toBe(401);

    for (const body of [{ value: "" }, { value: 7 }, new TextEncoder().encode("{")]) {
      expect((await put("operator", body)).status).toBe(400);
    }
    expect((await put("master")).status).toBe(404);
    expect((await put("reader", undefined, host.keys.default)).status).toBe(401);
    host = await host.restart();
    expect(await status("/api/secure", { "x-functions-key": "chosen" })).toBe(200);
  });

  it("5: authLevel admin and the admin API take the master key only", async () => {
    const { master } = host.keys;
    const functions = host.keys.default;
    expect(await status("/api/adminOnly", { "x-functions-key": functions })).toBe(401);
    expect(await status("/api/adminOnly", { "x-functions-key": master })).toBe(200);
    expect(await status("/admin/host/status")).toBe(401);
    const answer = await host.get("/admin/host/status", { "x-functions-key": master });
    expect(answer.json.state).toBe("Running");
    expect(await status("/admin/host/ping")).toBe(200);
  });
});

describe("messages", () => {
  it("6: no result is 204, an exception 500, both without a body", async () => {
    const nothing = await host.post("/api/nothing", {});
    expect([nothing.status, nothing.text]).toEqual([204, ""]);
    const boom = await host.get("/api/boom");
    expect([boom.status, boom.text]).toEqual([500, ""]);
    const logged = host.logs().filter((entry) => entry.function === "boom");
    expect(logged.map(({ level, category }) => [level, category])).toEqual([
      ["information", "Function.boom.User"],
      ["error", "Function.boom"],
    ]);
    expect(logged[1]?.message).toContain("kaboom");
  });

  it("7: binary bodies, headers and cookies", async () => {
    const body = Uint8Array.from([0, 255, 1, 2, 128]);
    const type = { "content-type": "application/octet-stream" };
    const answer = await fetch(`${host.url}/api/mirror`, { method: "POST", body, headers: type });
    expect(answer.status).toBe(201);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(body);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("x-a")).toBe("b");
    expect(answer.headers.getSetCookie()).toEqual([
      "c1=v1; path=/; samesite=strict; httponly",
      "c2=v2; max-age=60",
    ]);
  });

  it("7b: a content-length that is not that of the body is 500", async () => {
    expect(await status("/api/wrongLength")).toBe(500);
  });

  it("8: a chunked request body is dropped without stream mode", async () => {
    const text = await sendChunks(`${host.url}/api/mirror`, ["abc", "def"]);
    expect(text).toBe("");
  });

  it("9: repeated query values are joined by commas", async () => {
    expect((await host.get("/api/hello?q=1&q=2")).json.q).toBe("1,2");
  });

  it("10: homepage", async () => {
    expect(await status("/")).toBe(200);
  });

  it("15: a body over 100 MB is 413", async () => {
    const headers = { "content-length": String(104_857_601), "content-type": "text/plain" };
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const request = http.request(`${host.url}/api/mirror`, { method: "POST", headers });
      request.once("response", (response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      request.on("error", reject);
      request.flushHeaders();
    });
    expect(answer).toBe(413);
  });
});

describe("other settings", () => {
  let streaming: TestHost;
  beforeAll(async () => {
    streaming = await startTestHost({
      FIXTURE_STREAM: "1",
      AzureFunctionsJobHost__extensions__http__routePrefix: "",
    });
  });
  afterAll(() => streaming.dispose());

  it("12: stream mode passes chunked bodies and answers 500 for exceptions", async () => {
    const chunks = Array.from({ length: 50 }, () => "x".repeat(100_000));
    const text = await sendChunks(`${streaming.url}/upload?q=1&q=2`, chunks);
    expect(JSON.parse(text)).toEqual({ bytes: 5_000_000, q: ["1", "2"] });
    expect((await streaming.get("/boom")).status).toBe(500);
  });

  it("12b: a function hears of a client that goes away while it uploads", async () => {
    const request = http.request(`${streaming.url}/upload`, { method: "POST" });
    request.on("error", () => undefined);
    request.write("x".repeat(100_000));
    await sleep(200);
    request.destroy();
    const failed = () =>
      streaming.logs().some(({ message }) => message.includes("'Functions.upload' (Failed)"));
    for (const end = Date.now() + 5000; !failed() && Date.now() < end; ) await sleep(20);
    expect(failed()).toBe(true);
  });

  it("12c: a connection goes on after a function that read nothing or a part of the body", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const large = Buffer.alloc(1_000_000);
    const ask = (method: string, path: string, body?: Buffer) =>
      new Promise<number | undefined>((resolve, reject) => {
        const request = http.request(`${streaming.url}${path}`, { method, agent }, (response) =>
          response.resume().on("end", () => resolve(response.statusCode)),
        );
        request.on("error", reject).end(body);
      });
    for (const path of ["/things/a/b", "/firstPart"]) {
      expect(await ask("POST", path, large)).toBe(200);
      expect(await ask("GET", "/hello/bob")).toBe(200);
    }
    agent.destroy();
  });

  it("12d: a function that returns no response is 500, with the reason in the log", async () => {
    expect((await streaming.get("/nothing")).status).toBe(500);
    const reasons = streaming.logs().filter((entry) => entry.function === "nothing");
    expect(reasons[0]?.message).toContain("it returned no response");
  });

  it("12e: a streamed answer to an HTTP/1.0 client ends with the connection", async () => {
    const answer = await sendRaw(streaming.url, "GET /hello/bob HTTP/1.0\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\n\r\n\{"name":"bob","q":null\}$/s);
    expect(answer).not.toMatch(/chunked/i);
  });

  it("12f: a path that looks like an address reaches the app, and nobody else", async () => {
    const answer = await sendRaw(
      streaming.url,
      "GET //127.0.0.1:9/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\/\/127.0.0.1:9\/x/s);
  });

  it("17: the route prefix may be empty", async () => {
    expect((await streaming.get("/hello/bob")).json.name).toBe("bob");
    expect((await streaming.get("/api/hello/bob")).status).toBe(404);
  });
});

/** Sends bytes as they are and resolves with all that comes until the connection ends. */
function sendRaw(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1");
    let answer = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      answer += part;
    });
    socket.on("end", () => resolve(answer)).on("error", reject);
    socket.write(text);
  });
}

/** Posts without Content-Length and resolves with the text of the answer. */
function sendChunks(url: string, chunks: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "text/plain" };
    const request = http.request(url, { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}
