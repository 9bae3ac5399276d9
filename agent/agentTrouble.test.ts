import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import {
  base,
  broker,
  configure,
  connection,
  inventory,
  openPlane,
  plane,
  reopenBroker,
  run,
  scanSpec,
  tree,
  until,
  uploadSpec,
} from "../test/support/agents.ts";
import { startRelay, startTarpit } from "../test/support/badNetworks.ts";

/* What the agent, a process of its own, does when it is stopped, killed or refused, and when what it needs is away. */

describe("agent", () => {
  it("gives everything back on SIGTERM, and another agent takes it", async () => {
    await openPlane();
    tree(2, 10);
    const stuck = await startTarpit();
    const first = run(await configure());
    try {
      await first.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      const files = { "folder 0/0.txt": 3, "folder 1/0.txt": 3 };
      await plane.add("u", uploadSpec(files, { containerUrl }));
      await plane.reaches("u", "leased");
      first.child.kill("SIGTERM");
      expect(await first.exit).toBe(0);
    } finally {
      stuck.close();
    }
    const item = plane.items.get("u");
    expect(item).toMatchObject({ state: "queued", epoch: 2, releases: 1 });
    if (item !== undefined) item.spec = uploadSpec({ "folder 0/0.txt": 3 });
    await run(await configure(join(base, "second"))).ready;
    await plane.reaches("u", "done");
  });

  it("stops in seconds although the queue does not answer any more", async () => {
    const relay = await startRelay(broker.port);
    try {
      await openPlane({ queueConnection: connection(relay.port, "agents") });
      const agent = run(await configure());
      await agent.ready;
      await relay.used;
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // It waits for messages by now.
      relay.freeze();
      const asked = Date.now();
      agent.child.kill("SIGTERM");
      expect(await agent.exit).toBe(0);
      expect(Date.now() - asked).toBeLessThan(45_000);
    } finally {
      relay.close();
    }
  });

  it("is replaced under a higher epoch when it is killed in the middle of a scan", async () => {
    await openPlane({ leaseSeconds: 1.5, heartbeatSeconds: 0.3 });
    tree(60, 50);
    const first = run(await configure());
    await first.ready;
    await plane.add("scan", scanSpec({ segmentItems: 7 }));
    await until(() => (plane.items.get("scan")?.segments.length ?? 0) > 20);
    first.child.kill("SIGKILL");
    const before = plane.items.get("scan");
    await run(await configure(join(base, "second"))).ready;
    const { epoch, segments, result } = await plane.reaches("scan", "done");
    expect(before?.state).toBe("done");
    expect(epoch).toBe(2);
    expect(result).toMatchObject({ totalSegments: segments.length });
    expect(await inventory(segments)).toHaveLength(60 * 51);
    expect(new Set(segments.map(({ blob }) => blob.split("-")[0]))).toEqual(new Set(["e1", "e2"]));
  });

  it("stops by itself when it cannot renew a lease", async () => {
    await openPlane({ leaseSeconds: 1, heartbeatSeconds: 0.3 });
    tree(1, 1);
    const stuck = await startTarpit();
    try {
      const agent = run(await configure());
      await agent.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      await plane.add("u", uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await plane.reaches("u", "leased");
      plane.faults.down = true;
      await until(() => agent.log.some(({ msg }) => msg === "dropped"), 4_000);
      expect(agent.log.filter(({ msg }) => /cannot be reached/.test(msg))).toHaveLength(1);
      expect(stuck.connections()).toBe(0);
    } finally {
      stuck.close();
    }
  });

  it("outlives the control plane and the queue being away", async () => {
    await openPlane({ heartbeatSeconds: 0.3 });
    tree(1, 3);
    const agent = run(await configure());
    await agent.ready;
    plane.faults.down = true;
    await plane.add("first", scanSpec());
    await until(() => agent.log.some(({ msg }) => /control plane cannot be reached/.test(msg)));
    plane.faults.down = false;
    await plane.reaches("first", "done");

    const { port } = broker;
    await broker.close();
    await until(() => agent.log.some(({ msg }) => /queue cannot be reached/.test(msg)));
    await reopenBroker(port);
    await plane.add("second", scanSpec());
    await plane.reaches("second", "done", 20_000);
    await until(() => agent.log.some(({ msg }) => /queue answers again/.test(msg)));
    const outages = agent.log.filter(({ msg }) => /cannot be reached/.test(msg));
    expect(outages).toHaveLength(2);
    agent.child.kill("SIGINT");
    expect(await agent.exit).toBe(0);
  }, 60_000);

  it.each(["AGENT_DISABLED", "AGENT_INCOMPATIBLE"] as const)(
    "drops its work on %s, waits, and takes work again without a restart",
    async (code) => {
      await openPlane({ heartbeatSeconds: 0.2, leaseSeconds: 2 });
      const stuck = await startTarpit();
      tree(1, 1);
      const data = await configure();
      const agent = run(data);
      await agent.ready;
      const containerUrl = `http://127.0.0.1:${stuck.port}/c?sig=x`;
      await plane.add("stuck", uploadSpec({ "folder 0/0.txt": 3 }, { containerUrl }));
      await plane.reaches("stuck", "leased");
      plane.faults.suspend = code;
      await until(() => agent.log.some(({ msg }) => msg === "dropped"));
      await plane.reaches("stuck", "queued");
      plane.cancel("stuck");
      // One that begins in this state is ready, too: it waits.
      const another = run(data);
      await another.ready;
      another.child.kill("SIGTERM");
      expect(await another.exit).toBe(0);
      await plane.add("later", scanSpec());
      plane.faults.suspend = undefined;
      await plane.reaches("later", "done", 40_000);
      const notices = agent.log.filter(({ msg }) => /gives this agent/.test(msg));
      expect(notices).toHaveLength(2);
      stuck.close();
    },
    60_000,
  );
});
