/**
 * Valid inputs to mutate: captures, small inputs that use rare features, and a dialogue
 * between our two sessions.
 */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import { encodeCommand } from "../../lib/rtmp/commands.ts";
import { ClientSession } from "../../lib/session/client_session.ts";
import { ServerSession } from "../../lib/session/server_session.ts";

import { FFMPEG_C0C1, LIBRTMP_C0C1, NGINX_RTMP_S0S1S2 } from "../fixtures/handshake_captures.ts";
import {
  FFMPEG_AUDIO_VIDEO,
  LIBRTMP_VIDEO,
  RTMP2SINK_AUDIO_VIDEO,
} from "../fixtures/publisher_captures.ts";
import { hex } from "../helpers/hex.ts";

const HANDSHAKE = { random: (length: number) => new Uint8Array(length), nowMs: 0 };
const C2 = new Uint8Array(1536);
const HANDSHAKE_BYTES = 1 + 2 * 1536;

/** Enough of a capture for connect, publish and some media. */
const CAPTURE_BYTES = 1800;

const CAPTURES = [FFMPEG_AUDIO_VIDEO, LIBRTMP_VIDEO, RTMP2SINK_AUDIO_VIDEO]
  .map((capture) => capture.subarray(0, CAPTURE_BYTES));

/** Chunks after the handshake. */
export const CHUNK_SEEDS: readonly Uint8Array[] = [
  ...CAPTURES,
  // A small chunk size, two interleaved messages, an abort, and all four fmts.
  hex(`
    02 000000 000004 01 00000000 00000004
    06 000001 000009 09 01000000 a1a2a3a4  04 000002 000006 08 01000000 b1b2b3b4
    c6 a5a6a7a8  c4 b5b6  02 000000 000004 02 00000000 00000006
    46 000003 000001 09 c1  86 000004 d1  c6 e1
  `),
  // Extended timestamps, repeated and zero; csids of two and three bytes; no payload.
  hex(`
    02 000000 000004 01 00000000 00000002
    06 ffffff 000003 09 01000000 01020304 a1a2 c6 01020304 a3
    01 ffff ffffff 000003 09 01000000 01020304 c1c2 c1 ffff 01020304 c3
    07 000000 000000 08 01000000 c7 87 000001
  `),
  hex(`
    02 000000 000004 01 00000000 00000002
    00 00 ffffff 000003 09 01000000 01020304 b1b2 c0 00 00000000 b3
  `),
];

/** Payloads of the commands and data messages in the captures. */
export const COMMAND_SEEDS: readonly Uint8Array[] = [
  ...CAPTURES.flatMap((capture) => payloadsOf(capture, [18, 20])),
  // Every type once: strict array, date, long string, XML, typed object, reference.
  hex(`
    0a 00000002 00 3ff0000000000000 01 01  0b 4270000000000000 0000  0c 00000002 6162  0f 00000001 78
    10 0001 63 0001 61 05 0000 09  07 0001  08 00000001 0001 6b 06 0000 09
  `),
];

/** First bytes of connections, from clients and from a server. */
export const HANDSHAKE_SEEDS: readonly Uint8Array[] = [
  concatBytes([FFMPEG_C0C1, C2, hex("03 000000 000001 14")]),
  concatBytes([LIBRTMP_C0C1, C2]),
  concatBytes([hex("f3 0004 7f000001"), LIBRTMP_C0C1, C2]),
  NGINX_RTMP_S0S1S2,
];

const PLAY = recordPlay();

/** Connections after the handshake, as a server sees them. */
export const PEER_SEEDS: readonly Uint8Array[] = [...CAPTURES, PLAY.fromClient];

/** Connections after the handshake, as a client sees them. */
export const CLIENT_SEEDS: readonly Uint8Array[] = [PLAY.fromServer];

/** Configurations in the SRS format. */
export const SRS_SEEDS: readonly Uint8Array[] = [
  `listen 1935 127.0.0.1:1936; max_connections 1000; chunk_size 64k; # comment
pid "objs/edge.pid"; include more.conf;
vhost __defaultVhost__ {
    cluster { mode remote; origin 127.0.0.1:19350 [::1]:1935; vhost '[vhost].example'; }
    play { gop_cache on; mw_latency 350; queue_length 10; }
    security { enabled on; deny play 192.0.2.0/24; allow publish all; }
}
`,
  "listen 19350;\nvhost live.example {\n    enabled off;\n    mode local;\n}\n",
].map((text) => encodeUtf8(text));

/** Words and marks of the SRS format. */
export const SRS_TOKENS: readonly string[] = [
  ...["{", "}", ";", "#", '"', "'", "\\", "\n", "\r", "\t", "\ufeff", "\0", "include ", "vhost "],
  ...["listen ", "on", "off", "-1", "1e9", "999999999999", "64k", "[::1]:1935", "0.0.0.0:0", "all"],
];

/** Configurations in TOML. */
export const TOML_SEEDS: readonly Uint8Array[] = [
  `listen = [1935, "127.0.0.1:1936"] # comment
max_connections = 1_000
pid = "objs/edge.pid"

[vhost.__defaultVhost__]
enabled = true
play = { gop_cache = true, mw_latency = 350 }

[vhost."live.example".cluster]
mode = "remote"
origin = ["127.0.0.1:19350"]
`,
].map((text) => encodeUtf8(text));

/** Words and marks of TOML. */
export const TOML_TOKENS: readonly string[] = [
  ...["[", "]", "[[", "]]", "=", ".", ",", "{", "}", '"', "'", '"""', "'''", "\\", "\\u00e9", "\n"],
  ...[
    "true",
    "-0",
    "1e400",
    "inf",
    "nan",
    "0x7fffffffffffffff",
    "1979-05-27T07:32:00Z",
    "__proto__",
  ],
];

function payloadsOf(bytes: Uint8Array, typeIds: readonly number[]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const reader = new ChunkReader({
    onMessage(typeId, _timestampMs, _msid, payload) {
      if (typeIds.includes(typeId)) payloads.push(payload.slice());
    },
  });
  reader.push(bytes);
  return payloads;
}

/**
 * Records what both sides send when our client plays from our server, with some media and a pause
 * at the end.
 */
function recordPlay(): { fromClient: Uint8Array; fromServer: Uint8Array } {
  const [fromClient, fromServer]: [Uint8Array[], Uint8Array[]] = [[], []];
  const ignore = () => {};
  const server = new ServerSession({
    send: (bytes) => fromServer.push(bytes),
    onConnect: ({ id }) =>
      server.acceptConnect(id, { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 }),
    onPlay: ({ id }) => server.acceptPlay(id),
    onPublish: ignore,
    onMedia: ignore,
    onStreamClosed: ignore,
    onPause: ignore,
    onReceive: ignore,
    onRefused: ignore,
    onPong: ignore,
    onAcknowledgement: ignore,
    onIgnored: ignore,
  }, { chunkSize: 60_000, handshake: HANDSHAKE });
  const client = new ClientSession({
    send: (bytes) => fromClient.push(bytes),
    onStarted: ignore,
    onMedia: ignore,
    onStatus: ignore,
    onStreamEof: ignore,
    onPong: ignore,
    onAcknowledgement: ignore,
  }, {
    target: { kind: "play", tcUrl: "rtmp://127.0.0.1/live", app: "live", streamName: "show" },
    chunkSize: 60_000,
    handshake: HANDSHAKE,
  });
  client.start();
  let answered = 0;
  for (let sent = 0; sent < fromClient.length; sent++) {
    server.push(fromClient[sent]!);
    while (answered < fromServer.length) client.push(fromServer[answered++]!);
  }
  const video = { csid: 6, typeId: 9, msid: 1, timestampMs: 0xffffff };
  fromServer.push(encodeMessage(video, hex("1701"), 60_000));
  const pause = { name: "pause", transactionId: 6, values: [null, true, 1000] };
  fromClient.push(encodeCommand(pause, { msid: 1, chunkSize: 60_000 }));
  return {
    fromClient: concatBytes(fromClient).subarray(HANDSHAKE_BYTES),
    fromServer: concatBytes(fromServer).subarray(HANDSHAKE_BYTES),
  };
}

/** HTTP requests. */
export const REQUEST_SEEDS: readonly Uint8Array[] = [
  "GET /live/show.flv?token=1 HTTP/1.1\r\nHost: edge.example:8080\r\nUser-Agent: a/1 (b)\r\n\r\n",
  "DELETE http://[::1]:1985/api/v1/clients/c1 HTTP/1.1\nhost: x\ncontent-length: 2\n\nab",
  "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=0-1\r\n\r\n",
].map((text) => encodeUtf8(text));

/** Words and marks of HTTP requests. */
export const REQUEST_TOKENS: readonly string[] = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    "/",
    "..",
    "%2e",
    "%0d%0a",
    "#",
    "@",
    "*",
    "HTTP/2.0",
  ],
  ...[
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: -1\r\n",
    "Host: \r\n",
    "CONNECT ",
    "\u{ff}",
  ],
];
