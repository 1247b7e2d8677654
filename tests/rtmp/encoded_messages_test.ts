import { payloadOf, skipData, splitMessages } from "../../lib/rtmp/encoded_messages.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Chunks of 4 bytes. */
const CHUNK_BYTES = 4;

const AUDIO = hex(`
  04 000010 000002 08 01000000  // csid 4, time 16, 2 bytes of type 8 on stream 1
  AF01`);

const VIDEO = hex(`
  06 000020 000009 09 01000000
  17010000 C6 00004142 C6 43`);

/** A timestamp beyond 24 bits follows each header. */
const LATE_VIDEO = hex(`
  06 FFFFFF 000005 09 01000000 01000000
  17010000 C6 01000000 00`);

const EMPTY = hex("05 000000 000000 12 01000000");

Deno.test("splitMessages() returns every message with its header", () => {
  const view = new Uint8Array([...AUDIO, ...VIDEO, ...EMPTY, ...LATE_VIDEO]);
  const messages = splitMessages(view, CHUNK_BYTES);
  assertEquals(
    messages.map(({ csid, typeId, timestampMs, payloadLength }) =>
      `${csid} ${typeId} ${timestampMs} ${payloadLength}`
    ),
    ["4 8 16 2", "6 9 32 9", "5 18 0 0", "6 9 16777216 5"],
  );
  assertEquals(messages.map(({ bytes }) => bytes), [AUDIO, VIDEO, EMPTY, LATE_VIDEO]);
});

Deno.test("splitMessages() stops after the number of messages that is asked for", () => {
  const messages = splitMessages(new Uint8Array([...AUDIO, ...VIDEO, ...EMPTY]), CHUNK_BYTES, 2);
  assertEquals(messages.map(({ bytes }) => bytes), [AUDIO, VIDEO]);
});

Deno.test("splitMessages() returns no message for no bytes", () => {
  assertEquals(splitMessages(new Uint8Array(0), CHUNK_BYTES), []);
});

Deno.test("payloadOf() removes the chunk headers", () => {
  const payloads = [AUDIO, VIDEO, EMPTY, LATE_VIDEO].map((bytes) =>
    payloadOf(splitMessages(bytes, CHUNK_BYTES)[0]!, CHUNK_BYTES)
  );
  assertEquals(payloads, [hex("AF01"), hex("17010000 00004142 43"), hex(""), hex("17010000 00")]);
});

Deno.test("payloadOf() returns a view if the message fits one chunk", () => {
  const payload = payloadOf(splitMessages(AUDIO, CHUNK_BYTES)[0]!, CHUNK_BYTES);
  assertEquals(payload.buffer, AUDIO.buffer);
});

Deno.test("skipData() returns the offset of the first message that is not data", () => {
  const view = new Uint8Array([...EMPTY, ...EMPTY, ...LATE_VIDEO, ...EMPTY]);
  const [videoAt, lastAt] = [2 * EMPTY.length, view.length - EMPTY.length];
  assertEquals(skipData(view, 0, view.length, CHUNK_BYTES), videoAt);
  assertEquals(skipData(view, videoAt, view.length, CHUNK_BYTES), videoAt);
  assertEquals(skipData(view, lastAt, view.length, CHUNK_BYTES), view.length);
});
