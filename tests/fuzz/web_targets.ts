/** Fuzz targets for names, WebSockets and the PROXY protocol. */

import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { isIp } from "../../lib/config/address.ts";
import type { HlsConfig } from "../../lib/config/config.ts";
import { streamOfFile } from "../../lib/hls/stream_of_file.ts";
import { matchMount } from "../../lib/http/flv_mount.ts";
import type { ConnectionPipe } from "../../lib/http/http_connection.ts";
import { PeerSocket } from "../../lib/http/peer_socket.ts";
import { MAX_PROXY_HEADER_BYTES, readProxyHeader } from "../../lib/io/proxy_protocol.ts";
import { parseRtmpUrl, parseStreamUrl, streamKey, upstreamTarget } from "../../lib/rtmp/url.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const URL_TEXTS: readonly string[] = [
  "rtmp://127.0.0.1:1935/live\nlive\nshow?token=1",
  "rtmp://user:pass@edge.example/live/room?vhost=b.example\nlive/room\nshow",
  "rtmp://[::1]:19350/live...vhost...a.example\nlive\nshow#x",
  "\nlive?domain=a.example\n /show ",
  "rtmps://Edge.Example:443/live/\nlive\nroom/show&a=%2F",
  "/live/show.flv\n\n/live/room/a%20b.flv",
];

/** Words and marks of stream URLs. */
export const URL_TOKENS: readonly string[] = [
  ...[
    "rtmp://",
    "rtmps://",
    ":",
    "/",
    "//",
    "?",
    "#",
    "&",
    "=",
    "@",
    "[",
    "]",
    "::1",
    "...vhost...",
  ],
  ...["vhost=", "domain=", "%2f", "%00", "%c3", "..", "\n", " ", "\t", ":0", ":65536", "__proto__"],
  ...[".m3u8", ".flv", "-1.ts", ".m4s", "-init.mp4", ".tmp", "\u{ff}", "__defaultVhost__"],
];

/** `tcUrl`, `app` and stream name, a line each. */
export const URL_SEEDS: readonly Uint8Array[] = URL_TEXTS.map((text) => encodeUtf8(text));

const HLS_TEMPLATES = [
  { playlistFile: "[app]/[stream].m3u8", segmentFile: "[app]/[stream]-[seq].ts" },
  { playlistFile: "[vhost]/[stream].m3u8", segmentFile: "[app]-[stream]-[2006][01]-[seq].ts" },
] as const;

/** Parses names as RTMP clients, HTTP viewers and the static files do. */
export function runUrl(input: Uint8Array): string {
  const [tcUrl = "", app = "", stream = ""] = decodeUtf8(input).split("\n");
  return ["ok", streamUrl(tcUrl, app, stream), rtmpUrl(tcUrl), ...paths(stream)].join(" ");
}

function streamUrl(tcUrl: string, app: string, stream: string): string {
  try {
    const url = parseStreamUrl({ tcUrl, app, stream });
    assert(!/[?#/]/.test(url.stream), `a stream name ${url.stream}`);
    assert(!/[?#]/.test(url.app) && !/^\/|\/$/.test(url.app), `an app ${url.app}`);
    assert(url.port >= 1 && url.port <= 65_535, `a port ${url.port}`);
    streamKey(url.vhost, url.app, url.stream);
    const origin = { hostname: "127.0.0.1", port: 1935 };
    const target = upstreamTarget({ origin, request: url, vhostTemplate: "[vhost]" });
    // What an edge sends names the same stream at its origin. Without a name it sends nothing.
    const again = parseStreamUrl(target);
    if (url.stream !== "") assertEquals([again.app, again.stream], [url.app, url.stream]);
    return `${url.schema.length > 0} ${url.host.length > 0} ${url.params.length > 0}`;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code;
  }
}

function rtmpUrl(url: string): string {
  try {
    const { hostname, app, stream } = parseRtmpUrl(url);
    assert(hostname !== "" && app !== "" && stream !== "");
    return "ok";
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code;
  }
}

function paths(path: string): string[] {
  const flv = matchMount("/[app]/[stream].flv", path);
  if (flv !== null) assert(!flv.stream.includes("/") && flv.app !== "" && flv.stream !== "");
  const files = HLS_TEMPLATES.map((templates) => {
    const file = streamOfFile("live.example", templates as HlsConfig, path.replace(/^\//, ""));
    return file === null ? "none" : `${file.isPlaylist} ${file.stream !== null}`;
  });
  return [String(flv !== null), ...files];
}

/** Frames of clients (RFC 6455 §5.7): text, ping, fragments, close; masked. */
export const SOCKET_SEEDS: readonly Uint8Array[] = [
  hex("81 85 37fa213d 7f9f4d5158"),
  hex("89 85 37fa213d 7f9f4d5158 8a 80 00000000"),
  hex("01 83 00000000 48656c 80 82 00000000 6c6f 88 82 00000000 03e8"),
  hex(`82 fe 007e 01020304 ${"01020304".repeat(31)} 0102`),
  hex("82 ff 00000000 00000004 00000000 01020304 88 80 00000000"),
];

const MAX_HANDSHAKE_BYTES = 400;

/** Feeds an open WebSocket, whole and in pieces. */
export async function runSocket(input: Uint8Array): Promise<string> {
  const whole = await runPieces([input]);
  const pieces = Array.from(input, (_, i) => input.subarray(i, i + 1));
  assertEquals(await runPieces(pieces), whole, "different result in pieces");
  return whole;
}

async function runPieces(pieces: readonly Uint8Array[]): Promise<string> {
  const writes: Uint8Array[] = [];
  let isClosed = false;
  const pipe: ConnectionPipe = {
    write(bytes) {
      writes.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    close: () => isClosed = true,
    closeSoon() {},
  };
  const request = new Request("http://x/live/show.flv", {
    headers: {
      "connection": "Upgrade",
      "upgrade": "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  });
  const socket = new PeerSocket(request, pipe);
  let inBytes = 0;
  for (const piece of pieces) {
    if (isClosed) break;
    inBytes += piece.length;
    socket.onBytes(piece);
  }
  await settle();
  const sent = concatBytes(writes);
  assert(sent.length <= MAX_HANDSHAKE_BYTES + 2 * inBytes, `sent ${sent.length} for ${inBytes}`);
  const opcodes = [...sent.subarray(sent.indexOf(13, sent.length > 129 ? 129 : 0))].slice(0, 2);
  return `ok ${isClosed} ${sent.length > MAX_HANDSHAKE_BYTES} ${String.fromCharCode(...opcodes)}`;
}

/** Writes settle in microtasks. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

const PROXY_V2 = "0d0a0d0a000d0a515549540a";

/** Headers of the PROXY protocol, both versions, each with the first byte of its client. */
export const PROXY_SEEDS: readonly Uint8Array[] = [
  encodeUtf8("PROXY TCP4 192.0.2.1 198.51.100.2 56324 1935\r\n\x03"),
  encodeUtf8("PROXY TCP6 2001:db8::1 ::1 56324 1935\r\n\x03"),
  encodeUtf8("PROXY UNKNOWN\r\n\x03"),
  hex(`${PROXY_V2} 21 11 000c c0000201 c6336402 dc04 078f 03`),
  // IPv6, IPv4-mapped, with a TLV (PP2_TYPE_NOOP) behind the addresses.
  hex(`
    ${PROXY_V2} 21 21 0028
    00000000000000000000ffffc0000201 20010db8000000000000000000000002 dc04 078f 04 0001 00 03
  `),
  hex(`${PROXY_V2} 20 00 0000 03`),
];

/** Reads a header from every prefix of the input, as a connection does. */
export function runProxyHeader(input: Uint8Array): string {
  const bytes = input.subarray(0, MAX_PROXY_HEADER_BYTES + 1);
  for (let length = 0; length <= bytes.length; length++) {
    try {
      const header = readProxyHeader(bytes.subarray(0, length));
      if (header === null) continue;
      assertEquals(header.bytes, length, "a header ends with the byte that completes it");
      assertEquals(readProxyHeader(bytes), header, "what follows the header changes nothing");
      if (header.client === null) return "ok, no client";
      assert(isIp(header.client.hostname), `an address ${header.client.hostname}`);
      assert(header.client.port >= 0 && header.client.port <= 65_535);
      return header.client.hostname.includes(":") ? "ok, IPv6" : "ok, IPv4";
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return `${error.code} ${length > 13}`;
    }
  }
  assert(input.length <= MAX_PROXY_HEADER_BYTES, "a header without an end");
  return "incomplete";
}
