import { payloadOf, splitMessages } from "../../lib/rtmp/encoded_messages.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Chunks of 4 bytes. */
const CHUNK_BYTES = 4;

const SOUND = hex(`
  04 000010 000002 08 01000000  // csid 4, time 16, 2 bytes of type 8 on stream 1
  AF01`);

const PICTURE = hex(`
  06 000020 000009 09 01000000
  17010000 C6 00004142 C6 43`);

/** A time beyond 24 bits stands behind each header. */
const LATE_PICTURE = hex(`
  06 FFFFFF 000005 09 01000000 01000000
  17010000 C6 01000000 00`);

const EMPTY = hex("05 000000 000000 12 01000000");

Deno.test("splitMessages() finds every message and its header", () => {
  const view = new Uint8Array([...SOUND, ...PICTURE, ...EMPTY, ...LATE_PICTURE]);
  const messages = splitMessages(view, CHUNK_BYTES);
  assertEquals(
    messages.map(({ csid, typeId, timestampMs, payloadLength }) =>
      `${csid} ${typeId} ${timestampMs} ${payloadLength}`
    ),
    ["4 8 16 2", "6 9 32 9", "5 18 0 0", "6 9 16777216 5"],
  );
  assertEquals(messages.map(({ bytes }) => bytes), [SOUND, PICTURE, EMPTY, LATE_PICTURE]);
});

Deno.test("splitMessages() finds none in no bytes", () => {
  assertEquals(splitMessages(new Uint8Array(0), CHUNK_BYTES), []);
});

Deno.test("payloadOf() takes the chunk headers out", () => {
  const payloads = [SOUND, PICTURE, EMPTY, LATE_PICTURE].map((bytes) =>
    payloadOf(splitMessages(bytes, CHUNK_BYTES)[0]!, CHUNK_BYTES)
  );
  assertEquals(payloads, [hex("AF01"), hex("17010000 00004142 43"), hex(""), hex("17010000 00")]);
});

Deno.test("payloadOf() copies nothing of a message in one chunk", () => {
  const payload = payloadOf(splitMessages(SOUND, CHUNK_BYTES)[0]!, CHUNK_BYTES);
  assertEquals(payload.buffer, SOUND.buffer);
});
