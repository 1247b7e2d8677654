/** Chunked bodies (RFC 9112, section 7.1). */

import { CHUNK_FRAME_BYTES, fromChunks, LAST_CHUNK, toChunk } from "../../lib/http/chunked.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

Deno.test("toChunk() writes size and bytes", () => {
  assertEquals(text(toChunk(hex("41 42 43"))), "00000003\r\nABC\r\n");
  assertEquals(text(LAST_CHUNK), "0\r\n\r\n");
});

Deno.test("toChunk() writes sizes in hexadecimal", () => {
  for (
    const [size, digits] of [[15, "0000000f"], [256, "00000100"], [70_001, "00011171"]] as const
  ) {
    const chunk = toChunk(new Uint8Array(size));
    assertEquals(text(chunk.subarray(0, 10)), `${digits}\r\n`);
    assertEquals([chunk.length, text(chunk.subarray(-2))], [size + CHUNK_FRAME_BYTES, "\r\n"]);
  }
});

Deno.test("toChunk() returns nothing for no bytes, not a last chunk", () => {
  assertEquals(toChunk(new Uint8Array()).length, 0);
});

Deno.test("fromChunks() returns the content of all chunks", () => {
  const chunks = new TextEncoder().encode("00000003\r\nABC\r\n00000002\r\n\r\n\r\n");
  assertEquals(text(fromChunks(chunks)), "ABC\r\n");
  assertEquals(fromChunks(new Uint8Array()).length, 0);
});
