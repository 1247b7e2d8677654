/**
 * Expected digests were computed with Python's hmac and hashlib. The first bytes of real peers are
 * from tests/fixtures/handshake_captures.ts.
 */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { ClientHandshake, ServerHandshake } from "../../lib/rtmp/handshake.ts";
import type { HandshakeProgress } from "../../lib/rtmp/handshake.ts";

import {
  FFMPEG_C0C1,
  GSTREAMER_C0C1,
  LIBRTMP_C0C1,
  LIBRTMP_RTMPE_C0C1,
  NGINX_RTMP_S0S1S2,
} from "../fixtures/handshake_captures.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { feedAtEverySplit } from "../helpers/split.ts";

const BLOCK = 1536;

/** 3, 10, 17, … modulo 256. */
const RANDOM = Uint8Array.from({ length: BLOCK }, (_, i) => i * 7 + 3);

const OPTIONS = { random: fixedRandom, nowMs: 0x01020304 };

/** First bytes of a connect command: csid 3, fmt 0, timestamp 0, length 180, type 20. */
const NEXT = hex("03  00 00 00  00 00 b4  14  00 00 00 00");

/** An arbitrary C2, which is ignored. */
const JUNK_C2 = new Uint8Array(BLOCK).fill(0xee);

function fixedRandom(length: number): Uint8Array {
  return RANDOM.slice(0, length);
}

/** The fixed random block with some fields overwritten. */
function blockWith(fields: Readonly<Record<number, string>>): Uint8Array {
  const block = fixedRandom(BLOCK);
  for (const [at, digits] of Object.entries(fields)) block.set(hex(digits), Number(at));
  return block;
}

interface Outcome {
  readonly sent: readonly Uint8Array[];
  readonly done: boolean;
  readonly rest: Uint8Array;
}

function runServer(chunks: readonly Uint8Array[]): Outcome {
  return pushAll(new ServerHandshake(OPTIONS), chunks);
}

function runClient(chunks: readonly Uint8Array[]): Outcome {
  return pushAll(new ClientHandshake(OPTIONS), chunks);
}

function pushAll(
  machine: { push(bytes: Uint8Array): HandshakeProgress },
  chunks: readonly Uint8Array[],
): Outcome {
  const sent: Uint8Array[] = [];
  const rests: Uint8Array[] = [];
  let done = false;
  for (const chunk of chunks) {
    const progress = machine.push(chunk);
    if (progress.send !== null) sent.push(progress.send);
    rests.push(progress.rest);
    done = progress.done;
    assert(done || progress.rest.length === 0, "bytes left over before the end");
  }
  return { sent, done, rest: concatBytes(rests) };
}

function pushToServer(...bytes: number[]): () => void {
  return () => new ServerHandshake(OPTIONS).push(new Uint8Array(bytes));
}

Deno.test("ServerHandshake.push() answers ffmpeg's digest with schema 1 at every split", () => {
  const outcome = feedAtEverySplit(concatBytes([FFMPEG_C0C1, JUNK_C2, NEXT]), runServer);
  const s1 = blockWith({
    0: "01 02 03 04",
    4: "01 00 05 04",
    290: "77912735775418482c6e189165765dd3af389aa738c6e884a786d5ec9164abad",
  });
  const s2 = blockWith({
    1504: "5799525d4ed1b0d1c17e9b1d97d918e70f6f0bfd13fbfcb6df88d15d8bf9d116",
  });
  assertEquals(outcome, {
    sent: [concatBytes([hex("03"), s1, s2])],
    done: true,
    rest: NEXT,
  });
});

Deno.test("ServerHandshake.push() answers librtmp's digest of schema 0 with schema 0", () => {
  // Captured with RTMPE, the only mode in which librtmp uses schema 0. C1 is not encrypted.
  const c0c1 = concatBytes([hex("03"), LIBRTMP_RTMPE_C0C1.subarray(1)]);
  const s1 = blockWith({
    0: "01 02 03 04",
    4: "01 00 05 04",
    942: "a20c82123b612599b85c8af00f1141084fef37a7dffea13dc9c570a78ca92de1",
  });
  const s2 = blockWith({
    1504: "32c0a8ce2e16f7bc94bf25754696940ffe579089a9ccddcf0bcf627ab02a5099",
  });
  assertEquals(runServer([c0c1]).sent, [concatBytes([hex("03"), s1, s2])]);
});

Deno.test("ServerHandshake.push() echoes a C1 without a digest", () => {
  const s1 = blockWith({ 0: "01 02 03 04", 4: "00 00 00 00" });
  for (const c0c1 of [LIBRTMP_C0C1, GSTREAMER_C0C1]) {
    const outcome = runServer([concatBytes([c0c1, JUNK_C2, NEXT])]);
    assertEquals(outcome, {
      sent: [concatBytes([hex("03"), s1, c0c1.subarray(1)])],
      done: true,
      rest: NEXT,
    });
  }
});

Deno.test("ServerHandshake.push() answers after the last byte of C1 and ends after the last byte of C2", () => {
  const server = new ServerHandshake(OPTIONS);
  assertEquals(server.push(LIBRTMP_C0C1.subarray(0, -1)).send, null);
  const answer = server.push(LIBRTMP_C0C1.subarray(-1));
  assertEquals([answer.send?.length, answer.done], [1 + 2 * BLOCK, false]);
  assertEquals(server.push(JUNK_C2.subarray(1)).done, false);
  assertEquals(server.push(JUNK_C2.subarray(0, 1)).done, true);
});

Deno.test("ServerHandshake.push() returns all bytes once it is done", () => {
  const server = new ServerHandshake(OPTIONS);
  server.push(concatBytes([LIBRTMP_C0C1, JUNK_C2]));
  assertEquals(server.push(NEXT), { send: null, done: true, rest: NEXT });
});

Deno.test("ServerHandshake.push() skips an SRS proxy header", () => {
  const outcome = feedAtEverySplit(
    concatBytes([
      hex("f3  00 06  cb 00 71 09  aa bb"), // mark, length, 203.0.113.9, two other bytes
      LIBRTMP_C0C1,
      JUNK_C2,
      NEXT,
    ]),
    runServer,
  );
  assertEquals([outcome.sent.length, outcome.done, outcome.rest], [1, true, NEXT]);
});

Deno.test("ServerHandshake.push() accepts proxy headers of 4 to 1024 bytes", () => {
  for (const length of [4, 1024]) {
    const header = new Uint8Array(3 + length);
    header.set([0xf3, length >> 8, length & 0xff, 10, 0, 0, 255]);
    assertEquals(runServer([concatBytes([header, LIBRTMP_C0C1, JUNK_C2])]).done, true);
  }
  for (const length of [0, 3, 1025, 0xffff]) {
    const error = assertThrows(pushToServer(0xf3, length >> 8, length & 0xff), WireError);
    assertEquals(error.code, "handshake.proxy_header");
    assertStringIncludes(error.message, `length is ${length},`);
  }
});

Deno.test("ServerHandshake.push() rejects a second proxy header with its offset", () => {
  const error = assertThrows(pushToServer(0xf3, 0, 4, 10, 0, 0, 1, 0xf3), WireError);
  assertEquals([error.code, error.offset], ["handshake.version", 7]);
});

Deno.test("ServerHandshake.push() rejects another protocol at its first byte", () => {
  const cases: readonly [number, string][] = [
    [0x47, 'first byte 0x47 ("G") looks like an HTTP request'], // GET
    [0x16, "first byte 0x16 looks like TLS"],
    [0x06, "first byte 0x06 requests encrypted RTMPE"],
    [0x08, "first byte 0x08 requests encrypted RTMPE"],
    [0x00, "first byte is 0x00 instead of RTMP version 3"],
    [0xa5, "first byte is 0xa5 instead of RTMP version 3"],
  ];
  for (const [byte, text] of cases) {
    const error = assertThrows(pushToServer(byte), WireError, text);
    assertEquals([error.code, error.offset], ["handshake.version", 0]);
    assert(error.fix !== "");
  }
  assertThrows(() => new ServerHandshake(OPTIONS).push(LIBRTMP_RTMPE_C0C1), WireError, "RTMPE");
});

Deno.test("ServerHandshake.push() names the PROXY protocol, however it is cut", () => {
  const headers = [
    encodeUtf8("PROXY TCP4 192.0.2.1 192.0.2.2 56324 1935\r\n"),
    hex("0d0a0d0a000d0a515549540a 21 11 000c c0000201 c0000202 dc04 078f"),
  ];
  for (const header of headers) {
    for (const pieces of [[header], [...header].map((byte) => new Uint8Array([byte]))]) {
      const server = new ServerHandshake(OPTIONS);
      const push = () => pieces.forEach((piece) => server.push(piece));
      const error = assertThrows(push, WireError, "PROXY protocol is not accepted");
      assertEquals([error.code, error.offset], ["handshake.version", 0]);
    }
  }
});

Deno.test("ServerHandshake.push() tells the PROXY protocol from what starts like it", () => {
  const cases = [
    ["POST /open/1 HTTP/1.1\r\n", 'first byte 0x50 ("P") looks like an HTTP request'], // RTMPT
    ["PROPFIND / HTTP/1.1\r\n", 'first byte 0x50 ("P") looks like an HTTP request'],
    ["\r\n\r\nhello", "first byte is 0x0d instead of RTMP version 3"],
  ] as const;
  for (const [text, says] of cases) {
    assertThrows(() => new ServerHandshake(OPTIONS).push(encodeUtf8(text)), WireError, says);
  }
});

Deno.test("ServerHandshake.push() throws the same error again", () => {
  const server = new ServerHandshake(OPTIONS);
  assertThrows(() => server.push(hex("47")), WireError);
  assertThrows(() => server.push(LIBRTMP_C0C1), WireError);
});

Deno.test("ClientHandshake.start() returns a digest of schema 1", () => {
  const c1 = blockWith({
    0: "01 02 03 04",
    4: "80 00 07 02",
    290: "4fc69be4df7d5883ccdfc84b526d41e1ad7bdade33b86645deefd956a2e74520",
  });
  assertEquals(new ClientHandshake(OPTIONS).start(), concatBytes([hex("03"), c1]));
});

Deno.test("ClientHandshake.push() answers nginx-rtmp's digest at every split", () => {
  const outcome = feedAtEverySplit(concatBytes([NGINX_RTMP_S0S1S2, NEXT]), runClient);
  const c2 = blockWith({
    1504: "c6ad0364d0d997a8f3ee1162fe229089983b05d3dab5b7353e77a8cb53849899",
  });
  assertEquals(outcome, { sent: [c2], done: true, rest: NEXT });
});

Deno.test("ClientHandshake.push() echoes an S1 without a digest and ignores S2", () => {
  const s1 = blockWith({ 0: "00 00 00 00  00 00 00 00" });
  const outcome = feedAtEverySplit(concatBytes([hex("03"), s1, JUNK_C2, NEXT]), runClient);
  assertEquals(outcome, { sent: [s1], done: true, rest: NEXT });
});

Deno.test("handshakes do not answer with views of reused input", () => {
  const block = blockWith({ 0: "00 00 00 00  00 00 00 00" });
  for (const handshake of [new ClientHandshake(OPTIONS), new ServerHandshake(OPTIONS)]) {
    const fed = concatBytes([hex("03"), block]);
    const { send } = handshake.push(fed);
    fed.fill(0xee);
    assertEquals(send?.slice(-BLOCK), block);
  }
});

Deno.test("ClientHandshake.push() answers after the last byte of S1 and ends after the last byte of S2", () => {
  const client = new ClientHandshake(OPTIONS);
  client.start();
  assertEquals(client.push(NGINX_RTMP_S0S1S2.subarray(0, BLOCK)).send, null);
  const answer = client.push(NGINX_RTMP_S0S1S2.subarray(BLOCK, BLOCK + 1));
  assertEquals([answer.send?.length, answer.done], [BLOCK, false]);
  assertEquals(client.push(NGINX_RTMP_S0S1S2.subarray(BLOCK + 1, -1)).done, false);
  assertEquals(client.push(NGINX_RTMP_S0S1S2.subarray(-1)).done, true);
});

Deno.test("ClientHandshake.push() rejects a server of another protocol at its first byte", () => {
  const error = assertThrows(
    () => new ClientHandshake(OPTIONS).push(hex("48")), // HTTP/1.1 400 Bad Request
    WireError,
    'first byte of the server is 0x48 ("H") instead of RTMP version 3',
  );
  assertEquals([error.code, error.offset], ["handshake.version", 0]);
});

Deno.test("ClientHandshake and ServerHandshake complete each other", () => {
  const client = new ClientHandshake(OPTIONS);
  const server = new ServerHandshake(OPTIONS);
  const answer = server.push(client.start()).send;
  assert(answer !== null);
  const reply = client.push(answer);
  assert(reply.done && reply.send !== null);
  assert(server.push(reply.send).done);
});
