/**
 * Expected digests were computed with Python's hmac and hashlib. The blocks of real peers are from
 * tests/fixtures/handshake_captures.ts.
 */

import {
  createDigestBlock,
  createDigestReply,
  findDigest,
  HANDSHAKE_BLOCK_BYTES,
} from "../../lib/rtmp/handshake_digest.ts";
import type { DigestSchema, HandshakeRole } from "../../lib/rtmp/handshake_digest.ts";

import {
  FFMPEG_C0C1,
  GSTREAMER_C0C1,
  LIBRTMP_C0C1,
  LIBRTMP_RTMPE_C0C1,
  LIBRTMP_SWF_C0C1,
  NGINX_RTMP_S0S1S2,
} from "../fixtures/handshake_captures.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const NOW_MS = 0x01020304;

/** 3, 10, 17, … modulo 256. */
const RANDOM = Uint8Array.from({ length: HANDSHAKE_BLOCK_BYTES }, (_, i) => i * 7 + 3);

function fixedRandom(length: number): Uint8Array {
  return RANDOM.slice(0, length);
}

function firstBlock(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(1, 1 + HANDSHAKE_BLOCK_BYTES);
}

interface PlaceCase {
  readonly schema: DigestSchema;
  readonly signer: HandshakeRole;
  /** The four bytes whose sum gives the offset. */
  readonly place: string;
  readonly digestAt: number;
  readonly digest: string;
}

// Sums 0 (first offset), 727 (last offset), 728 (first again), 1020 (largest sum).
const PLACES: readonly PlaceCase[] = [
  {
    schema: 0,
    signer: "client",
    place: "00 00 00 00",
    digestAt: 776,
    digest: "48568ca3c957d19edd1d11d5a3dc2205f432d23464a3dcb849a22c91822a65d0",
  },
  {
    schema: 0,
    signer: "server",
    place: "ff ff d9 00",
    digestAt: 1503,
    digest: "b93276d754e57c9207d4ba0d33b72f4f47a72c230d52dc60bed22fb898f4dd24",
  },
  {
    schema: 0,
    signer: "client",
    place: "ff ff da 00",
    digestAt: 776,
    digest: "07d6de0e3981ef01c966157c746d72d606b3926e310b420152fbc14c803edb4d",
  },
  {
    schema: 0,
    signer: "server",
    place: "ff ff ff ff",
    digestAt: 1068,
    digest: "70d0dfe56382f6a90d6592642ea7a9c9c746468f2e68ca4f6dfb7c926bbb7540",
  },
  {
    schema: 1,
    signer: "server",
    place: "00 00 00 00",
    digestAt: 12,
    digest: "cb0601e2795f92cb6e9910805cb09d9b8050bd00faec8f9d0280024c34a90b29",
  },
  {
    schema: 1,
    signer: "client",
    place: "ff ff d9 00",
    digestAt: 739,
    digest: "dc8b241bb6b447be6ddb95c136511998d5300fac904783fc41c3842f5d11e010",
  },
  {
    schema: 1,
    signer: "server",
    place: "ff ff da 00",
    digestAt: 12,
    digest: "d420f22aadc07ab3a961968d7f8fcf497b665630eedecfeb43fd954a5fdc064b",
  },
  {
    schema: 1,
    signer: "client",
    place: "ff ff ff ff",
    digestAt: 304,
    digest: "9f7a07b389750a2227f0d5b027cfcc7ac7db5246f7912b46eea2a40559dcde78",
  },
];

for (const { schema, signer, place, digestAt, digest } of PLACES) {
  Deno.test(`findDigest() finds the ${signer}'s digest of schema ${schema} at ${digestAt} by ${place}`, () => {
    const block = new Uint8Array(HANDSHAKE_BLOCK_BYTES);
    block.set(hex(place), schema === 0 ? 772 : 8);
    block.set(hex(digest), digestAt);
    assertEquals(findDigest(block, signer), { schema, digest: hex(digest) });
    assertEquals(findDigest(block, signer === "client" ? "server" : "client"), null);
  });
}

Deno.test("findDigest() finds the digests of ffmpeg, librtmp and nginx-rtmp", () => {
  assertEquals(findDigest(firstBlock(FFMPEG_C0C1), "client"), {
    schema: 1,
    digest: hex("650bfb9b65f953d848e3456965d0d76b627a84e35e9ddabd8b43f0fadaee458c"),
  });
  assertEquals(findDigest(firstBlock(LIBRTMP_SWF_C0C1), "client")?.schema, 1);
  assertEquals(findDigest(firstBlock(LIBRTMP_RTMPE_C0C1), "client"), {
    schema: 0,
    digest: hex("cb5390d2be4f0da85d216bc057909bb465f12697b6986b27fc0b77c5368227d9"),
  });
  assertEquals(findDigest(firstBlock(NGINX_RTMP_S0S1S2), "server"), {
    schema: 1,
    digest: hex("57ac3914b0bc15465375f3268b9b09ccef0660e62cb572b10ea08ee20eb77171"),
  });
});

Deno.test("findDigest() finds no digest in a simple handshake", () => {
  assertEquals(findDigest(firstBlock(LIBRTMP_C0C1), "client"), null);
  assertEquals(findDigest(firstBlock(GSTREAMER_C0C1), "client"), null);
});

Deno.test("findDigest() finds no digest when one byte of the block was changed", () => {
  for (const place of [0, 493, 494, 525, 526, HANDSHAKE_BLOCK_BYTES - 1]) {
    const block = firstBlock(FFMPEG_C0C1).slice();
    block[place]! ^= 1;
    assertEquals(findDigest(block, "client"), null, `byte ${place}`);
  }
});

const BLOCKS = [
  {
    role: "client",
    schema: 1,
    version: "80 00 07 02",
    digestAt: 290,
    digest: "4fc69be4df7d5883ccdfc84b526d41e1ad7bdade33b86645deefd956a2e74520",
  },
  {
    role: "server",
    schema: 1,
    version: "01 00 05 04",
    digestAt: 290,
    digest: "77912735775418482c6e189165765dd3af389aa738c6e884a786d5ec9164abad",
  },
  {
    role: "server",
    schema: 0,
    version: "01 00 05 04",
    digestAt: 942,
    digest: "a20c82123b612599b85c8af00f1141084fef37a7dffea13dc9c570a78ca92de1",
  },
] as const;

for (const { role, schema, version, digestAt, digest } of BLOCKS) {
  Deno.test(`createDigestBlock() writes time, version and digest of a ${role} with schema ${schema}`, () => {
    const expected = fixedRandom(HANDSHAKE_BLOCK_BYTES);
    expected.set(hex("01 02 03 04"), 0);
    expected.set(hex(version), 4);
    expected.set(hex(digest), digestAt);
    const block = createDigestBlock({ role, schema, nowMs: NOW_MS, random: fixedRandom });
    assertEquals(block, expected);
  });
}

Deno.test("createDigestReply() signs S2 with the client's digest and C2 with the server's", () => {
  const expected = fixedRandom(HANDSHAKE_BLOCK_BYTES);
  const ffmpeg = hex("650bfb9b65f953d848e3456965d0d76b627a84e35e9ddabd8b43f0fadaee458c");
  expected.set(hex("5799525d4ed1b0d1c17e9b1d97d918e70f6f0bfd13fbfcb6df88d15d8bf9d116"), 1504);
  assertEquals(createDigestReply("server", ffmpeg, fixedRandom), expected);

  const nginx = hex("57ac3914b0bc15465375f3268b9b09ccef0660e62cb572b10ea08ee20eb77171");
  expected.set(hex("c6ad0364d0d997a8f3ee1162fe229089983b05d3dab5b7353e77a8cb53849899"), 1504);
  assertEquals(createDigestReply("client", nginx, fixedRandom), expected);
});

Deno.test("createDigestReply() creates the S2 of nginx-rtmp from its random bytes", () => {
  const s2 = NGINX_RTMP_S0S1S2.subarray(1 + HANDSHAKE_BLOCK_BYTES);
  const ffmpeg = hex("650bfb9b65f953d848e3456965d0d76b627a84e35e9ddabd8b43f0fadaee458c");
  const signed = (length: number) => concatZeros(s2.subarray(0, 1504), length);
  assertEquals(createDigestReply("server", ffmpeg, signed), s2.slice());
});

function concatZeros(start: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(start);
  return whole;
}
