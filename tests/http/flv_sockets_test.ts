/** HTTP-FLV over real sockets: HTTP versions, WebSocket and CORS. */

import { concatBytes } from "../../lib/base/bytes.ts";
import { type FlvTag, readFlv } from "../../lib/media/flv_file.ts";
import { assertEquals } from "../helpers/assert.ts";
import { type LocalServer, PROMPT, startLocalServer } from "../helpers/local_server.ts";
import {
  AAC_HEADER,
  audioFrame,
  AVC_HEADER,
  interFrame,
  keyframe,
  METADATA,
} from "../helpers/media.ts";
import { needs } from "../helpers/permissions.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const granted = await needs("net");

const TIMEOUT = { timeoutMs: 10_000, everyMs: 5 };

/** One and a half GOPs, with payloads larger than a chunk. */
const SOURCE: readonly MediaMessage[] = [
  { typeId: 18, timestampMs: 0, payload: METADATA },
  { typeId: 9, timestampMs: 0, payload: AVC_HEADER },
  { typeId: 8, timestampMs: 0, payload: AAC_HEADER },
  { typeId: 9, timestampMs: 0, payload: keyframe(1, 150_000) },
  { typeId: 8, timestampMs: 5, payload: audioFrame(2) },
  { typeId: 9, timestampMs: 40, payload: interFrame(3, 20_000) },
  { typeId: 8, timestampMs: 28, payload: audioFrame(4) },
  { typeId: 9, timestampMs: 80, payload: interFrame(5, 300) },
];

const HTTP = "http_server { enabled on; }";

function startOrigin(extra = ""): LocalServer {
  return startLocalServer(
    `${HTTP} vhost __defaultVhost__ { play { ${PROMPT} } http_remux { enabled on; } ${extra} }`,
  );
}

function startEdgeOf(origin: LocalServer): LocalServer {
  return startLocalServer(`${HTTP} vhost __defaultVhost__ {
    play { ${PROMPT} }
    http_remux { enabled on; }
    cluster { mode remote; origin 127.0.0.1:${origin.port}; }
  }`);
}

const urlOf = (server: LocalServer, scheme = "http") =>
  `${scheme}://127.0.0.1:${server.httpPort}/live/show.flv`;

/** Publishes {@linkcode SOURCE}, and unpublishes on request. */
async function publish(server: LocalServer): Promise<RtmpClient> {
  const publisher = await RtmpClient.publish(server.port, "show");
  for (const message of SOURCE) publisher.push(message);
  await publisher.barrier();
  return publisher;
}

function unpublish(publisher: RtmpClient): void {
  publisher.sendCommand("deleteStream", [null, 1]);
}

function untilLogged(server: LocalServer, message: string, count = 1): Promise<boolean> {
  return until(`"${message}"`, () => server.log.count(message) >= count, TIMEOUT);
}

/** Everything that arrives until the body ends. */
async function readToEnd(response: Response): Promise<FlvTag[]> {
  return readFlv(await response.bytes()).tags;
}

/** Messages of a WebSocket until it closes. */
async function readSocket(socket: WebSocket): Promise<FlvTag[]> {
  const chunks: Uint8Array[] = [];
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => chunks.push(new Uint8Array(data));
  await new Promise((resolve) => socket.onclose = resolve);
  return readFlv(concatBytes(chunks)).tags;
}

Deno.test({
  ...granted,
  name: "GET returns every message of the source, and ends when it is unpublished",
  async fn() {
    await using server = startOrigin();
    await using publisher = await publish(server);
    const response = await fetch(urlOf(server));
    assertEquals(
      ["content-type", "cache-control", "access-control-allow-origin"].map((name) =>
        response.headers.get(name)
      ),
      ["video/x-flv", "no-cache", "*"],
    );
    unpublish(publisher);
    assertEquals(await readToEnd(response), [...SOURCE]);
  },
});

Deno.test({
  ...granted,
  name: "An HTTP/1.0 client gets the stream without chunks, until the connection ends",
  async fn() {
    await using server = startOrigin();
    await using publisher = await publish(server);
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.httpPort });
    await conn.write(new TextEncoder().encode("GET /live/show.flv HTTP/1.0\r\n\r\n"));
    await untilLogged(server, "Play started");
    unpublish(publisher);
    const answer = await new Response(conn.readable).bytes();
    const bodyAt = new TextDecoder("latin1").decode(answer).indexOf("\r\n\r\n") + 4;
    assertEquals(readFlv(answer.subarray(bodyAt)).tags, [...SOURCE]);
  },
});

Deno.test({
  ...granted,
  name: "WebSocket delivers every message of the source, and closes when it is unpublished",
  async fn() {
    await using server = startOrigin();
    await using publisher = await publish(server);
    const socket = new WebSocket(urlOf(server, "ws"));
    const tags = readSocket(socket);
    await new Promise((resolve) => socket.onopen = resolve);
    unpublish(publisher);
    assertEquals(await tags, [...SOURCE]);
  },
});

Deno.test({
  ...granted,
  name: "An edge pulls the stream for viewers over HTTP and WebSocket",
  async fn() {
    await using origin = startOrigin();
    await using edge = startEdgeOf(origin);
    await using publisher = await publish(origin);
    const socket = new WebSocket(urlOf(edge, "ws"));
    const tags = readSocket(socket);
    await new Promise((resolve) => socket.onopen = resolve);
    const body = await fetch(urlOf(edge));
    assertEquals(edge.upstreamCount, 1);
    unpublish(publisher);
    assertEquals(await readToEnd(body), [...SOURCE]);
    assertEquals(await tags, [...SOURCE]);
  },
});

Deno.test({
  ...granted,
  name: "A client that disconnects, live or held, leaves at once",
  async fn() {
    await using server = startOrigin();
    const held = new AbortController();
    const refused = fetch(urlOf(server), { signal: held.signal }).catch(() => "aborted");
    await untilLogged(server, "Player waiting: stream not live");
    held.abort();
    assertEquals(await refused, "aborted");
    await using publisher = await publish(server);
    const live = new AbortController();
    const response = await fetch(urlOf(server), { signal: live.signal });
    await response.body!.getReader().read();
    live.abort();
    await untilLogged(server, "Play ended");
    const socket = new WebSocket(urlOf(server, "ws"));
    await new Promise((resolve) => socket.onmessage = resolve);
    socket.close();
    await untilLogged(server, "Play ended", 2);
    unpublish(publisher);
    assertEquals(server.log.urgent, []);
  },
});

Deno.test({
  ...granted,
  name: "Preflight and HEAD requests are answered",
  async fn() {
    await using server = startOrigin();
    const headers = { origin: "https://a.example", "access-control-request-method": "GET" };
    const preflight = await fetch(urlOf(server), { method: "OPTIONS", headers });
    assertEquals(
      [preflight.status, preflight.headers.get("access-control-allow-origin")],
      [204, "*"],
    );
    const missing = await fetch(urlOf(server), { method: "HEAD" });
    assertEquals(missing.status, 404);
    await missing.body?.cancel();
    await using _publisher = await publish(server);
    const head = await fetch(urlOf(server), { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-type")], [200, "video/x-flv"]);
    await head.body?.cancel();
  },
});

Deno.test({
  ...granted,
  name: "GET and HEAD at an edge are answered with 404 at once while an RTMP player waits there",
  async fn() {
    await using origin = startOrigin();
    await using edge = startEdgeOf(origin);
    await using player = await RtmpClient.play(edge.port, "show");
    for (const method of ["GET", "HEAD", "GET"]) {
      // The origin keeps players waiting for 30 s.
      const signal = AbortSignal.timeout(10_000);
      const response = await fetch(urlOf(edge), { method, signal });
      await response.body?.cancel();
      assertEquals([method, response.status], [method, 404]);
    }
    assertEquals(player.isEnded, false);
    await using _publisher = await publish(origin);
    await player.untilMedia(SOURCE.length);
    assertEquals(edge.log.urgent, []);
  },
});

Deno.test({
  ...granted,
  name: "The server stops with viewers live and held",
  async fn() {
    const server = startOrigin();
    await using publisher = await publish(server);
    const response = await fetch(urlOf(server));
    const held = fetch(`http://127.0.0.1:${server.httpPort}/live/other.flv`);
    await untilLogged(server, "Player waiting: stream not live");
    await server[Symbol.asyncDispose]();
    assertEquals((await held).status, 503);
    await (await held).body?.cancel();
    assertEquals((await readToEnd(response)).length > 0, true);
    void publisher;
  },
});
