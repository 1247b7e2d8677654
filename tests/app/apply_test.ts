/** New settings for a running server: each by its effect, and what must not change meanwhile. */

import { assert, assertEquals, assertRejects } from "../helpers/assert.ts";
import { startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { freePort, isAccepting } from "../helpers/ports.ts";
import { RawPeer } from "../helpers/raw_peer.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { until } from "../helpers/until.ts";
import { ApplyRig, configOf, type ConfigParts } from "./apply_rig.ts";
import { at, Crowd } from "./crowd.ts";

const TIMEOUT = { timeoutMs: 10_000, everyMs: 5 };

/** The paths that were applied. */
async function applied(rig: ApplyRig, parts: ConfigParts): Promise<string[]> {
  const { applied, needsRestart, failures } = await rig.apply(parts);
  assertEquals([needsRestart, failures], [[], []]);
  return applied.map(({ path }) => path);
}

/** Waits until a listener that was open for a moment is closed. */
async function untilClosed(port: number): Promise<void> {
  await until(`port ${port} is closed`, async () => {
    try {
      return !await isAccepting(port);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }, TIMEOUT);
}

function edgeOf(port: number, more = ""): string {
  return `cluster { mode remote; origin 127.0.0.1:${port}; ${more} }`;
}

/** Changes settings of `rig`, shows their effect, and restores `base`. */
type Effect = (rig: ApplyRig, base: ConfigParts) => Promise<void>;

const EFFECTS: Readonly<Record<string, Effect>> = {
  async "a rule that denies players"(rig, base) {
    const denial = "security { enabled on; deny play all; }";
    assertEquals(await applied(rig, { ...base, origin: denial }), [
      "vhost __defaultVhost__ security.enabled",
      "vhost __defaultVhost__ security.deny",
    ]);
    const refused = await rig.play("crowd0");
    await assertRejects(() => refused.untilStatus("NetStream.Play.Start"), Error, "Play.Failed");
    await applied(rig, base);
    await (await rig.play("crowd0")).untilMedia(1);
  },
  async "a limit of connections"(rig, base) {
    const server = "max_connections 220;";
    assertEquals(await applied(rig, { ...base, server }), ["max_connections"]);
    await using surplus = await RawPeer.connect(rig.port);
    await surplus.untilEnded();
    await applied(rig, base);
    await using _client = await RtmpClient.connect(rig.port);
  },
  async "how long players wait for a stream"(rig, base) {
    await applied(rig, { ...base, origin: "play { play_wait 0; }" });
    const player = await rig.play("nothing");
    await assertRejects(() => player.untilStatus("NetStream.Play.Start"), Error, "StreamNotFound");
    await applied(rig, base);
  },
  async "HTTP callbacks and their URLs"(rig, base) {
    for (const path of ["one", "two"]) {
      const hooks = `http_hooks { enabled on; on_play http://hooks.test/${path}; }`;
      await applied(rig, { ...base, origin: hooks });
      const from = rig.hooks.requests.length;
      await (await rig.play("crowd0")).untilMedia(1);
      const urls = rig.hooks.requests.slice(from).map(({ url }) => url);
      assertEquals(urls, [`http://hooks.test/${path}`]);
    }
    await applied(rig, base);
  },
  async "the log level"(rig, base) {
    await applied(rig, { ...base, server: "srs_log_level_v2 error;" });
    const from = rig.log.lines.length;
    await (await rig.play("crowd1")).untilMedia(1);
    assertEquals(rig.log.lines.slice(from), []);
    await applied(rig, base);
    await (await rig.play("crowd1")).untilMedia(1);
    assert(rig.log.lines.length > from);
  },
};

netTest(
  "RunningServer.apply() changes settings under 200 players and 20 publishers, and drops none",
  async () => {
    await using first = startOrigin();
    await using second = startOrigin();
    const base: ConfigParts = { edge: edgeOf(first.port) };
    await using rig = new ApplyRig(base);
    const crowds = await Promise.all(
      ["127.0.0.1", "edge.test"].map((vhost) =>
        Crowd.start({ port: rig.port, vhost, publishers: 10, playersPerPublisher: 10 })
      ),
    );
    for (const crowd of crowds) rig.use(crowd);
    const settle = () => Promise.all(crowds.map((crowd) => crowd.untilFresh()));
    assertEquals([rig.server.counts.players, rig.server.counts.publishers], [200, 20]);
    for (const effect of Object.values(EFFECTS)) {
      await effect(rig, base);
      await settle();
    }

    // Origins: running pushes stay at the old one, new pulls start at the new one.
    await using source = await RtmpClient.publish(second.port, "fresh");
    source.push(keyframe(0));
    const pushes = first.counts.publishers;
    const next = { edge: edgeOf(second.port) };
    assertEquals(await applied(rig, next), ["vhost edge.test cluster.origin"]);
    await (await rig.play("fresh", "edge.test")).untilMedia(1);
    await settle();
    assertEquals([first.counts.publishers, second.counts.players], [pushes, 1]);
  },
);

netTest(
  "RunningServer.apply() adds and removes vhosts under 200 players; only the clients of a removed one are closed",
  async () => {
    await using origin = startOrigin();
    await using rig = new ApplyRig();
    const crowd = rig.use(
      await Crowd.start({
        port: rig.port,
        vhost: "127.0.0.1",
        publishers: 20,
        playersPerPublisher: 10,
      }),
    );
    // The default vhost serves it, where the name is taken.
    await assertRejects(() => rig.publish("crowd0", "added.test"), Error, "BadName");

    const vhosts = "vhost added.test { } vhost flip.test { }";
    assertEquals(await applied(rig, { vhosts }), ["vhost added.test", "vhost flip.test"]);
    const publisher = await rig.publish("crowd0", "added.test");
    publisher.push(keyframe(0));
    const player = await rig.play("crowd0", "added.test");
    await player.untilMedia(1);
    const flipped = await rig.publish("show", "flip.test");
    await crowd.untilFresh();

    // An origin becomes an edge.
    await using source = await RtmpClient.publish(origin.port, "show");
    source.push(keyframe(0));
    const edge = `vhost flip.test { ${edgeOf(origin.port)} }`;
    const { applied: changes } = await rig.apply({ vhosts: `vhost added.test { } ${edge}` });
    assertEquals(changes.map(({ path, note }) => [path, note]), [
      ["vhost flip.test cluster.mode", "closes the clients of the vhost"],
      ["vhost flip.test cluster.origin", ""],
    ]);
    await flipped.untilEnded();
    await (await rig.play("show", "flip.test")).untilMedia(1);
    assertEquals(player.isEnded, false);
    await crowd.untilFresh();

    assertEquals(await applied(rig, {}), ["vhost added.test", "vhost flip.test"]);
    for (
      const [client, code] of [[publisher, "Publish.Failed"], [player, "Play.Failed"]] as const
    ) {
      await assertRejects(() => client.untilStatus("another"), Error, code);
    }
    await Promise.all([publisher.untilEnded(), player.untilEnded()]);
    await until("the pull ends with its vhost", () => origin.counts.players === 0, TIMEOUT);
    const reasons = rig.log.lines.filter(({ fields }) =>
      String(fields["cause"]).includes("vhost was removed")
    );
    assert(reasons.length >= 2, "the reason is logged");
    await assertRejects(() => rig.publish("crowd0", "added.test"), Error, "BadName");
    await crowd.untilFresh();
  },
);

netTest(
  "RunningServer.apply() adds and removes listeners under 200 players; their clients stay",
  async () => {
    await using rig = new ApplyRig();
    const [rtmpPort, httpPort] = [freePort(), freePort()];
    const crowd = rig.use(
      await Crowd.start({
        port: rig.port,
        vhost: "127.0.0.1",
        publishers: 20,
        playersPerPublisher: 10,
      }),
    );
    const files = `http_server { enabled on; listen 127.0.0.1:${httpPort}; }`;
    await applied(rig, { ports: [rtmpPort], server: files, origin: "http_remux { enabled on; }" });
    assertEquals(rig.server.addresses.map(({ port }) => port), [rig.port, rtmpPort]);
    assertEquals(rig.server.httpAddresses.map(({ port }) => port), [httpPort]);
    const player = await rig.play("crowd0", "127.0.0.1", rtmpPort);
    await player.untilMedia(1);
    const response = await fetch(`http://127.0.0.1:${httpPort}/live/crowd0.flv`);
    const reader = response.body!.getReader();
    await reader.read();

    await applied(rig, {});
    for (const port of [rtmpPort, httpPort]) await untilClosed(port);
    const count = player.media.length;
    await player.untilMedia(count + 2);
    assert((await reader.read()).value!.length > 0, "the viewer over HTTP stays as well");
    await reader.cancel();
    await crowd.untilFresh();
  },
);

netTest("RunningServer.apply() changes who may use the API", async () => {
  await using rig = new ApplyRig();
  const port = freePort();
  const api = (auth: string) => ({
    server: `http_api { enabled on; listen 127.0.0.1:${port}; ${auth} }`,
  });
  const status = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/summaries`);
    await response.body?.cancel();
    return response.status;
  };
  await applied(rig, api(""));
  assertEquals(await status(), 200);
  await applied(rig, api("auth { enabled on; username admin; password secret; }"));
  assertEquals(await status(), 401);
  await applied(rig, {});
  await untilClosed(port);
});

netTest("RunningServer.apply() changes nothing when an address is in use", async () => {
  await using rig = new ApplyRig();
  const [free, httpPort] = [freePort(), freePort()];
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const denial = "security { enabled on; deny publish all; }";
  const attempts: readonly ConfigParts[] = [
    { ports: [free, taken.addr.port], origin: denial, vhosts: "vhost added.test { }" },
    {
      ports: [free],
      origin: denial,
      server:
        `http_server { enabled on; listen 127.0.0.1:${httpPort} 127.0.0.1:${taken.addr.port}; }`,
    },
  ];
  for (const parts of attempts) {
    await assertRejects(() => rig.apply(parts), Error, "ddress already in use");
    for (const port of [free, httpPort]) await untilClosed(port);
    assertEquals(rig.server.addresses.length, 1);
    await using publisher = await RtmpClient.publish(rig.port, "show", at(rig.port, "added.test"));
    assertEquals(publisher.statuses, ["NetStream.Publish.Start"]);
  }
  assertEquals(await applied(rig, { ports: [free] }), ["listen"], "it can be tried again");
});

netTest("RunningServer.apply() moves a port between one address and all of them", async () => {
  await using rig = new ApplyRig();
  const port = freePort();
  const [local, all, both] = ["127.0.0.1", "0.0.0.0", "::"].map((hostname) => ({ hostname, port }));
  const base = configOf({});
  const moves = [[local], [all], [local], [both], [all], [all, both], [local, both], [all]];
  for (const more of moves) {
    await rig.server.apply({ ...base, listen: [...base.listen, ...more.map((each) => each!)] });
    await using player = await RtmpClient.connect(port);
    assertEquals(player.isEnded, false, JSON.stringify(more));
  }
  const http = (listen: string) => ({ server: `http_server { enabled on; listen ${listen}; }` });
  const httpPort = freePort();
  for (const address of ["127.0.0.1", "0.0.0.0", "[::]", "127.0.0.1"]) {
    await rig.apply(http(`${address}:${httpPort}`));
    const { status, body } = await fetch(`http://127.0.0.1:${httpPort}/none`);
    await body?.cancel();
    assertEquals(status, 404);
  }
});

netTest("RunningServer.apply() returns to the old address when the new one is in use", async () => {
  await using rig = new ApplyRig();
  const [port, base] = [freePort(), configOf({})];
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listen = [...base.listen, { hostname: "127.0.0.1", port }];
  await rig.server.apply({ ...base, listen });
  const wider = [
    ...base.listen,
    { hostname: "0.0.0.0", port },
    { hostname: "127.0.0.1", port: taken.addr.port },
  ];
  await assertRejects(
    () => rig.server.apply({ ...base, listen: wider }),
    Error,
    "ddress already in use",
  );
  assertEquals(rig.server.addresses.map(({ hostname }) => hostname), ["127.0.0.1", "127.0.0.1"]);
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
});

netTest("RunningServer.apply() reports what needs a restart, and applies the rest", async () => {
  await using rig = new ApplyRig();
  const { applied, needsRestart } = await rig.apply({
    server: "chunk_size 4096; workers 2;",
    origin: "security { enabled on; deny publish all; }",
  });
  assertEquals(applied.length, 2);
  assertEquals(needsRestart.map(({ path, from, to }) => [path, from, to]), [
    ["workers", "1", "2"],
    ["chunk_size", "60000", "4096"],
  ]);
  await assertRejects(() => rig.publish("show"), Error, "Publish.");
});

netTest(
  "RunningServer.apply() serves calls one after the other, and refuses them when it stops",
  async () => {
    await using rig = new ApplyRig();
    const reports = await Promise.all([
      rig.apply({ vhosts: "vhost a.test { }" }),
      rig.apply({ vhosts: "vhost b.test { }" }),
    ]);
    assertEquals(reports.map(({ applied }) => applied.map(({ path }) => path)), [
      ["vhost a.test"],
      ["vhost b.test", "vhost a.test"],
    ]);
    const stopped = rig.server.stop();
    await assertRejects(() => rig.apply({}), Error, "stopping");
    await stopped;
  },
);

netTest(
  "RunningServer.apply() refuses a client whose vhost is removed while a callback is asked",
  async () => {
    const hooks = "http_hooks { enabled on; on_play http://hooks.test/play; }";
    await using rig = new ApplyRig({ vhosts: `vhost gone.test { ${hooks} }` });
    const { promise, resolve } = Promise.withResolvers<Response>();
    rig.hooks.answer = () => promise;
    const player = await rig.play("show", "gone.test");
    await until("the callback is asked", () => rig.hooks.requests.length === 1, TIMEOUT);
    await applied(rig, {});
    resolve(new Response("0"));
    await assertRejects(() => player.untilStatus("NetStream.Play.Start"), Error, "has changed");
  },
);
