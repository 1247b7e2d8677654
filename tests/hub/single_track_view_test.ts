/** Bytes of messages are written by hand: csid, time, length, type, message stream id, payload. */

import { SingleTrackView } from "../../lib/hub/single_track_view.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const VIDEO = 9;
const CHUNK_SIZE = 8;

const PLAIN = "06 000028 000007 09 01000000 91 61763031 0a0b";
const METADATA = "05 000000 000003 12 01000000 020000";
/** Track 0, 13 bytes in two chunks. */
const TRACK_0 = "06 000028 00000d 09 01000000 96 01 61766331 00 00 c6 002a 65 0c0d";
/** The same without its track, 11 bytes. */
const UNWRAPPED = "06 000028 00000b 09 01000000 91 61766331 00002a c6 65 0c0d";
const TRACK_1 = "06 000028 000008 09 01000000 96 01 61763031 01 0a";

Deno.test("SingleTrackView.of() passes a stream without tracks on as it is", () => {
  const view = new SingleTrackView(CHUNK_SIZE);
  view.observe(VIDEO, hex("91 61763031 0a0b"));
  const bytes = hex(PLAIN + METADATA);
  assert(view.of(bytes) === bytes);
});

Deno.test("SingleTrackView.of() keeps the default track without its header, and drops the others", () => {
  const view = new SingleTrackView(CHUNK_SIZE);
  view.observe(VIDEO, hex("96 01 61766331 00 00002a 65 0c0d"));
  assertEquals(
    view.of(hex(PLAIN + TRACK_0 + METADATA + TRACK_1)),
    hex(PLAIN + UNWRAPPED + METADATA),
  );
  assertEquals(view.of(hex(TRACK_1)), hex(""));
  const plain = hex(PLAIN);
  assert(view.of(plain) === plain);
});

Deno.test("SingleTrackView.of() rewrites the view that many players share once", () => {
  const view = new SingleTrackView(CHUNK_SIZE);
  view.observe(VIDEO, hex("96 01 61766331 01 00"));
  const bytes = hex(TRACK_0);
  assert(view.of(bytes) === view.of(bytes));
});
