/** Fuzz targets. Each accepts any bytes, and may reject them only with the error meant for that. */

import { decodeAmf0 } from "../../lib/amf/amf0_decode.ts";
import { encodeAmf0 } from "../../lib/amf/amf0_encode.ts";
import { concatBytes, decodeUtf8 } from "../../lib/base/bytes.ts";
import { ConfigError, UpstreamError, WireError } from "../../lib/base/errors.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import {
  BadRequestError,
  HeadParser,
  pathOf,
  type RequestHead,
} from "../../lib/http/request_head.ts";
import { encodeMessage, type MessageHeader } from "../../lib/rtmp/chunk_encode.ts";
import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import { INITIAL_CHUNK_SIZE } from "../../lib/rtmp/constants.ts";
import { ClientHandshake, ServerHandshake } from "../../lib/rtmp/handshake.ts";
import { ClientSession } from "../../lib/session/client_session.ts";
import { ServerSession } from "../../lib/session/server_session.ts";

import { assert, assertEquals } from "../helpers/assert.ts";
import {
  CHUNK_SEEDS,
  CLIENT_SEEDS,
  COMMAND_SEEDS,
  HANDSHAKE_SEEDS,
  PEER_SEEDS,
  REQUEST_SEEDS,
  REQUEST_TOKENS,
  SRS_SEEDS,
  SRS_TOKENS,
  TOML_SEEDS,
  TOML_TOKENS,
} from "./seeds.ts";
import { MEDIA_SEEDS, runMedia, runTimeline, TIMELINE_SEEDS } from "./stream_targets.ts";
import {
  PROXY_SEEDS,
  runProxyHeader,
  runSocket,
  runUrl,
  SOCKET_SEEDS,
  URL_SEEDS,
  URL_TOKENS,
} from "./web_targets.ts";

/** A parser or session to fuzz. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, from which the others are made. */
  readonly seeds: readonly Uint8Array[];
  readonly tokens: readonly string[];
  /**
   * Feeds `input` and checks what must hold for every input.
   *
   * @returns the outcome: inputs with a new one are mutated further
   * @throws anything, when the target does what it must not
   */
  run(input: Uint8Array): string | Promise<string>;
}

/** Maximum bytes that a session may answer: its longest answer to its shortest request. */
const MAX_ANSWER_BYTES = 10_000;
const MAX_ANSWER_FACTOR = 64;

/** A complete simple handshake of either side, which sessions receive before the input. */
const PEER_HANDSHAKE = concatBytes([Uint8Array.of(3), new Uint8Array(2 * 1536)]);

const FIXED_HANDSHAKE = { random: (length: number) => new Uint8Array(length), nowMs: 0 };

/** All targets, in the order in which they run. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: "chunk_reader", seeds: CHUNK_SEEDS, tokens: [], run: runChunkReader },
  { name: "amf0", seeds: COMMAND_SEEDS, tokens: [], run: runAmf0 },
  { name: "handshake", seeds: HANDSHAKE_SEEDS, tokens: [], run: runHandshakes },
  { name: "server_session", seeds: PEER_SEEDS, tokens: [], run: runServerSession },
  { name: "client_session", seeds: CLIENT_SEEDS, tokens: [], run: runClientSession },
  { name: "srs_config", seeds: SRS_SEEDS, tokens: SRS_TOKENS, run: runConfig("fuzz.conf") },
  { name: "toml_config", seeds: TOML_SEEDS, tokens: TOML_TOKENS, run: runConfig("fuzz.toml") },
  { name: "http_request", seeds: REQUEST_SEEDS, tokens: REQUEST_TOKENS, run: runRequest },
  { name: "websocket", seeds: SOCKET_SEEDS, tokens: [], run: runSocket },
  { name: "proxy_header", seeds: PROXY_SEEDS, tokens: [], run: runProxyHeader },
  { name: "url", seeds: URL_SEEDS, tokens: URL_TOKENS, run: runUrl },
  { name: "media", seeds: MEDIA_SEEDS, tokens: [], run: runMedia },
  { name: "timeline", seeds: TIMELINE_SEEDS, tokens: [], run: runTimeline },
];

/** Feeds the input whole and in pieces, and asserts the same outcome. */
function runBothWays(input: Uint8Array, feed: (pieces: readonly Uint8Array[]) => string): string {
  const whole = feed([input.slice()]);
  assertEquals(feed(piecesOf(input)), whole, "different result in pieces");
  return whole;
}

/** Splits into pieces of one byte; of more if the input is long, to save time. */
function piecesOf(input: Uint8Array): Uint8Array[] {
  const size = 1 + Math.floor(input.length / 200);
  const count = Math.ceil(input.length / size);
  return Array.from({ length: count }, (_, i) => input.slice(i * size, (i + 1) * size));
}

/**
 * Returns the code of the error that ended `run`, or "ok". Rethrows errors that a peer cannot
 * cause.
 */
function codeOf(run: () => void): string {
  try {
    run();
    return "ok";
  } catch (error) {
    if (error instanceof WireError) return error.code;
    if (error instanceof UpstreamError) return `${error.phase} ${error.statusCode}`;
    throw error;
  }
}

function runChunkReader(input: Uint8Array): string {
  return runBothWays(input, (pieces) => {
    let payloadBytes = 0;
    const types: number[] = [];
    const reader = new ChunkReader({
      onMessage(typeId, timestampMs, msid, payload) {
        payloadBytes += payload.length;
        if (types.length < 20) types.push(typeId);
        if (typeId > 2) checkEncoding({ typeId, timestampMs, msid }, payload);
      },
    });
    const code = codeOf(() => pieces.forEach((piece) => reader.push(piece)));
    assert(payloadBytes <= input.length, "more bytes out than in");
    return `${code} ${types}`;
  });
}

/** Asserts that a message survives encoding and decoding. */
function checkEncoding(header: Omit<MessageHeader, "csid">, payload: Uint8Array): void {
  const describe = (typeId: number, timestampMs: number, msid: number, payload: Uint8Array) =>
    `${typeId} ${timestampMs} ${msid} ${payload}`;
  let decoded = "";
  const reader = new ChunkReader({ onMessage: (...message) => decoded = describe(...message) });
  reader.push(encodeMessage({ csid: 6, ...header }, payload, INITIAL_CHUNK_SIZE));
  assertEquals(decoded, describe(header.typeId, header.timestampMs, header.msid, payload));
}

function runAmf0(input: Uint8Array): string {
  let types = "";
  const code = codeOf(() => {
    const values = decodeAmf0(input);
    types = values.slice(0, 8).map((value) => typeof value).join();
    const encoded = encodeAmf0(values);
    const again = encodeAmf0(decodeAmf0(encoded));
    assertEquals(again.join(), encoded.join(), "different bytes the second time");
  });
  return `${code} ${types}`;
}

function runHandshakes(input: Uint8Array): string {
  const server = runBothWays(input, (pieces) => {
    const handshake = new ServerHandshake(FIXED_HANDSHAKE);
    return runHandshake(handshake, pieces);
  });
  const client = runBothWays(
    input,
    (pieces) => runHandshake(new ClientHandshake(FIXED_HANDSHAKE), pieces),
  );
  return `${server} / ${client}`;
}

function runHandshake(
  machine: ServerHandshake | ClientHandshake,
  pieces: readonly Uint8Array[],
): string {
  let isDone = false;
  let sentBytes = 0;
  let restBytes = 0;
  const code = codeOf(() => {
    for (const piece of pieces) {
      const step = machine.push(piece);
      isDone = step.done;
      sentBytes += step.send?.length ?? 0;
      restBytes += step.rest.length;
    }
  });
  return `${code} ${isDone} ${sentBytes} ${restBytes > 0}`;
}

function runServerSession(input: Uint8Array): string {
  return runBothWays(input, (pieces) => {
    const events: string[] = [];
    let sentBytes = 0;
    const session = new ServerSession({
      send: (bytes) => sentBytes += bytes.length,
      onConnect({ id, app }) {
        events.push(`connect ${app}`);
        session.acceptConnect(id, { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 });
      },
      onPublish({ id, streamName }) {
        events.push(`publish ${streamName}`);
        session.acceptPublish(id);
      },
      onPlay({ id, streamName }) {
        events.push(`play ${streamName}`);
        if (streamName.length % 2 === 0) session.acceptPlay(id);
        else session.reject(id, { code: "NetStream.Play.StreamNotFound", description: "No" });
      },
      onMedia: (typeId, timestampMs, payload) =>
        events.push(`media ${typeId} ${timestampMs} ${payload.length}`),
      onStreamClosed: () => events.push("closed"),
      onPause: (isPaused) => events.push(`pause ${isPaused}`),
      onPong: (timestampMs) => events.push(`pong ${timestampMs}`),
      onAcknowledgement: (totalBytes) => events.push(`ack ${totalBytes}`),
      onIgnored: (what) => events.push(what),
      onReceive: (track, isWanted) => events.push(`receive ${track} ${isWanted}`),
      onRefused: ({ description }) => events.push(description),
    }, { chunkSize: 60_000, handshake: FIXED_HANDSHAKE });
    session.push(PEER_HANDSHAKE);
    const code = codeOf(() => pieces.forEach((piece) => session.push(piece)));
    assert(sentBytes <= MAX_ANSWER_BYTES + MAX_ANSWER_FACTOR * input.length, `sent ${sentBytes}`);
    return [code, ...events].join("\n");
  });
}

function runClientSession(input: Uint8Array): string {
  return runBothWays(input, (pieces) => {
    const events: string[] = [];
    let sentBytes = 0;
    const session = new ClientSession({
      send: (bytes) => sentBytes += bytes.length,
      onStarted: (msid) => events.push(`started ${msid}`),
      onMedia: (typeId, timestampMs, payload) =>
        events.push(`media ${typeId} ${timestampMs} ${payload.length}`),
      onStatus: ({ code }) => events.push(code),
      onStreamEof: () => events.push("eof"),
      onPong: (timestampMs) => events.push(`pong ${timestampMs}`),
      onAcknowledgement: (totalBytes) => events.push(`ack ${totalBytes}`),
    }, {
      target: { kind: "play", tcUrl: "rtmp://127.0.0.1/live", app: "live", streamName: "show" },
      chunkSize: 60_000,
      handshake: FIXED_HANDSHAKE,
    });
    session.start();
    session.push(PEER_HANDSHAKE);
    const code = codeOf(() => pieces.forEach((piece) => session.push(piece)));
    assert(sentBytes <= MAX_ANSWER_BYTES + MAX_ANSWER_FACTOR * input.length, `sent ${sentBytes}`);
    return [code, ...events].join("\n");
  });
}

function runConfig(file: string): (input: Uint8Array) => string {
  return (input) => {
    try {
      const { warnings } = parseConfig(decodeUtf8(input), file, { readFile: () => "" });
      return `ok ${warnings.length}`;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Digits and quoted text come from the input; the rest says which checks it reached.
      return error.problems.slice(0, 3).map(({ what }) => what.replace(/\d+|".*"/g, "")).join();
    }
  };
}

function runRequest(input: Uint8Array): string {
  return runBothWays(input, (pieces) => {
    const parser = new HeadParser();
    try {
      for (const piece of pieces) {
        const parsed = parser.push(piece);
        if (parsed !== null) return describeHead(parsed.head);
      }
      return "ok, more";
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error;
      return `${error.status}`;
    }
  });
}

/** Passes what `Request` accepts, and describes the decisions taken. */
function describeHead({ method, url, headers, isHttp10, isKept, hasBody }: RequestHead): string {
  const request = new Request(url, { method, headers });
  assert(URL.canParse(request.url) && pathOf(request.url).startsWith("/"));
  return `ok ${method} ${isHttp10} ${isKept} ${hasBody} ${[...headers.keys()].length}`;
}

/** Returns the target of this name, or undefined. */
export function findTarget(name: string): FuzzTarget | undefined {
  return FUZZ_TARGETS.find((target) => target.name === name);
}
