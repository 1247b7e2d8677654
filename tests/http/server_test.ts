/**
 * The whole HTTP side over real sockets: API and files of a server that publishes, plays and pulls.
 */

import { systemClock } from "../../lib/base/clock.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { startServer } from "../../lib/app/compose.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { hex } from "../helpers/hex.ts";
import { CollectedLog, PROMPT } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { audioHeader, keyframe, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { until } from "../helpers/until.ts";

// deno-lint-ignore no-explicit-any -- answers are looked into field by field
type Answer = any;

/** `onMetaData` with a width of 1280 and a height of 720. */
const SIZE: TinyMessage = {
  typeId: 18,
  timestampMs: 0,
  payload: hex(`
    02 000D 40736574446174614672616D65        // "@setDataFrame"
    02 000A 6F6E4D65746144617461              // "onMetaData"
    08 00000002                               // ECMA array
    0005 7769647468  00 4094000000000000      // width: 1280
    0006 686569676874 00 4086800000000000     // height: 720
    000009
  `),
};

/** A server with an API, and `http_server` if `more` enables it, on free ports. */
class HttpRig implements AsyncDisposable {
  readonly server: RunningServer;
  readonly log = new CollectedLog();

  constructor(vhost: string, more = "") {
    const text = `listen 1935; http_api { enabled on; } ${more} ` +
      `vhost __defaultVhost__ { ${PROMPT} ${vhost} }`;
    const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
    const listen = [{ hostname: "127.0.0.1", port: 0 }];
    this.server = startServer({
      ...config,
      listen,
      httpApi: { ...config.httpApi, listen },
      httpServer: { ...config.httpServer, listen },
    }, {
      network: denoNetwork,
      clock: systemClock,
      logger: this.log.logger,
      createHttp: createHttpListeners,
    });
  }

  get port(): number {
    return this.server.addresses[0]!.port;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.server.httpAddresses[0]!.port}${path}`, init);
  }

  async get(path: string): Promise<Answer> {
    return await (await this.fetch(path)).json();
  }

  /** The value of a metric in `/metrics`. */
  async metric(name: string): Promise<number> {
    const page = await (await this.fetch("/metrics")).text();
    const line = page.split("\n").find((line) => line.startsWith(`${name} `));
    return Number(line?.split(" ").at(-1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

function publishSample(publisher: RtmpClient): void {
  for (const message of [SIZE, videoHeader(), audioHeader(), keyframe(0), keyframe(40)]) {
    publisher.push(message);
  }
}

netTest("The API lists publishers and players, and closes clients", async () => {
  await using rig = new HttpRig("");
  const tcUrl = `rtmp://127.0.0.1:${rig.port}/live?key=SECRET`;
  await using publisher = await RtmpClient.publish(rig.port, "show?token=SECRET", { tcUrl });
  publishSample(publisher);
  await using player = await RtmpClient.play(rig.port, "show?token=SECRET", { tcUrl });
  await player.untilMedia(4);
  const { streams: [stream] } = await rig.get("/api/v1/streams");
  const { clients } = await rig.get("/api/v1/clients");
  const publishing = clients.find((client: Answer) => client.publish);
  const playing = clients.find((client: Answer) => !client.publish);

  assertEquals(stream.url, "/live/show");
  assertEquals(stream.clients, 2);
  assertEquals(stream.publish, {
    active: true,
    cid: publishing.id,
    reserve_cid: "",
  });
  // Profile 100 and level 32 of AVC_HEADER; AudioSpecificConfig 1210 is LC, 44100 Hz, stereo.
  assertEquals(stream.video, {
    codec: "H264",
    profile: "High",
    level: "3.2",
    width: 1280,
    height: 720,
  });
  assertEquals(stream.audio, { codec: "AAC", sample_rate: 44_100, channel: 2, profile: "LC" });
  assertEquals(stream.frames, 3);
  assert(stream.recv_bytes > 50 && stream.send_bytes > stream.recv_bytes);

  assertEquals([publishing.type, playing.type], ["fmle-publish", "rtmp-play"]);
  assertEquals([publishing.ip, publishing.name], ["127.0.0.1", "show"]);
  assertEquals(playing.tcUrl, `rtmp://127.0.0.1:${rig.port}/live`);
  assert(publishing.recv_bytes > 3_000 && playing.send_bytes > 0 && playing.alive >= 0);
  assertEquals(JSON.stringify([stream, clients]).includes("SECRET"), false);

  const { vhosts: [vhost] } = await rig.get("/api/v1/vhosts");
  assertEquals([vhost.id, vhost.clients, vhost.streams], [stream.vhost, 2, 1]);
  assertEquals([vhost.send_bytes, vhost.recv_bytes], [stream.send_bytes, stream.recv_bytes]);

  assertEquals(await rig.metric('edge_players{vhost="__defaultVhost__"}'), 1);
  assertEquals(
    await rig.metric('edge_stream_players{vhost="__defaultVhost__",stream="live/show"}'),
    1,
  );

  const kicked = await rig.fetch(`/api/v1/clients/${playing.id}`, { method: "DELETE" });
  assertEquals((await kicked.json()).code, 0);
  await player.untilEnded();
  await until("one client left", async () => {
    const { total } = await rig.get("/api/v1/clients");
    return total === 1;
  }, { timeoutMs: 5_000 });
  const again = await rig.fetch(`/api/v1/clients/${playing.id}`, { method: "DELETE" });
  assertEquals((await again.json()).code, 2049);
});

netTest("Totals keep what was sent to players and streams that have ended", async () => {
  await using rig = new HttpRig("");
  const vhostSent = 'edge_vhost_sent_bytes_total{vhost="__defaultVhost__"}';
  const publisher = await RtmpClient.publish(rig.port, "show");
  publishSample(publisher);
  const player = await RtmpClient.play(rig.port, "show");
  await player.untilMedia(4);
  const names = [vhostSent, "edge_sent_bytes_total", "edge_received_bytes_total"];
  const before = await Promise.all(names.map((name) => rig.metric(name)));
  await player.close();
  await publisher.close();
  await until("all clients gone", () => rig.server.counts.connections === 0, { timeoutMs: 5_000 });
  const after = await Promise.all(names.map((name) => rig.metric(name)));
  for (const [at, name] of names.entries()) {
    assert(before[at]! > 0 && after[at]! >= before[at]!, `${name}: ${before[at]} ${after[at]}`);
  }
  assertEquals((await rig.get("/api/v1/streams")).streams, []);
  assertEquals(await rig.metric("edge_connections_total"), 2);
});

netTest("The API of an edge shows the origin of each stream", async () => {
  await using origin = new HttpRig("");
  await using edge = new HttpRig(
    `cluster { mode remote; origin 127.0.0.1:${origin.port}; linger 0; }`,
  );
  await using publisher = await RtmpClient.publish(origin.port, "show");
  publishSample(publisher);
  await using player = await RtmpClient.play(edge.port, "show");
  await player.untilMedia(4);
  const { streams: [stream] } = await edge.get("/api/v1/streams");
  assertEquals(stream.publish, { active: true, cid: "", reserve_cid: "" });
  const [{ since_ms, ...upstream }] = stream.upstreams;
  assert(since_ms >= 0);
  assertEquals(upstream, {
    kind: "pull",
    origin: `127.0.0.1:${origin.port}`,
    state: "live",
    attempts: 1,
    switches: 0,
    last_error: "",
    last_silence_ms: 0,
    lost_frames: 0,
    doubled_frames: 0,
    lost_bytes: 0,
    reserve: { state: "none", origin: "", age_ms: null },
  });
  assertEquals(await edge.metric('edge_upstream_attempts_total{vhost="__defaultVhost__"}'), 1);
  // The edge is a player to its origin.
  assertEquals((await origin.get("/api/v1/clients")).total, 2);
});

netTest("A waiting player is shown, and its stream as inactive", async () => {
  await using rig = new HttpRig("");
  await using _player = await RtmpClient.play(rig.port, "unpublished");
  const { streams: [stream] } = await rig.get("/api/v1/streams");
  assertEquals([stream.publish, stream.video, stream.clients], [
    { active: false, cid: "", reserve_cid: "" },
    null,
    1,
  ]);
  const { clients: [client] } = await rig.get("/api/v1/clients");
  assertEquals([client.waiting, client.stream], [true, stream.id]);
  assertEquals(await rig.metric('edge_players_waiting{vhost="__defaultVhost__"}'), 1);
});

netTest("API and files share an address when both blocks name it", async () => {
  await using rig = new HttpRig("", "http_server { enabled on; dir /nowhere; }");
  assertEquals(rig.server.httpAddresses.length, 1);
  assertEquals((await rig.get("/api/v1/versions")).code, 0);
  const file = await rig.fetch("/live/show.m3u8");
  assertEquals([file.status, await file.text()], [404, "File not found\n"]);
});

netTest("A server without HTTP listens on no HTTP address and samples nothing", async () => {
  const { config } = parseConfig("listen 1935; vhost v { }", "test.conf", {
    readFile: () => undefined,
  });
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  const { logger } = new CollectedLog();
  const clock = new FakeClock();
  const server = startServer({ ...config, listen }, { network: denoNetwork, clock, logger });
  assertEquals([server.httpAddresses, clock.pendingCount], [[], 0]);
  await server.stop();
});

netTest("A server that cannot listen on its HTTP address listens on no address", async () => {
  await using other = new HttpRig("");
  const { config } = parseConfig("listen 1935; http_api { enabled on; } vhost v { }", "test.conf", {
    readFile: () => undefined,
  });
  const { logger } = new CollectedLog();
  const network = {
    ...denoNetwork,
    listen: (address: { hostname: string; port: number }) => {
      const listener = denoNetwork.listen(address);
      listeners.push(listener.port);
      return listener;
    },
  };
  const listeners: number[] = [];
  const error = await Promise.try(() =>
    startServer({
      ...config,
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      httpApi: { ...config.httpApi, listen: other.server.httpAddresses },
    }, { network, clock: systemClock, logger, createHttp: createHttpListeners })
  ).catch((error) => error);
  assertMatch(String(error), /Cannot listen on http:\/\/127\.0\.0\.1:\d+: Address already in use/);
  // The kernel may still have accepted a client.
  await until("no listener at the first address", async () => {
    const refused = await Deno.connect({ port: listeners[0]! }).catch((error) => error);
    if (!(refused instanceof Error)) refused.close();
    return refused instanceof Deno.errors.ConnectionRefused;
  }, { timeoutMs: 5_000 });
});
