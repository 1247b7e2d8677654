import { ReadBuffers } from "../../lib/io/read_buffers.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

Deno.test("ReadBuffers.take() returns buffers of the requested size that do not overlap", () => {
  const buffers = new ReadBuffers();
  const taken = Array.from({ length: 1000 }, () => buffers.take(64));
  taken.forEach((buffer, i) => buffer.fill(i % 251));
  for (const [i, buffer] of taken.entries()) {
    assertEquals(Array.from(buffer), new Array(64).fill(i % 251));
  }
});

Deno.test("ReadBuffers.take() cuts small buffers from one block of memory", () => {
  const buffers = new ReadBuffers();
  assert(buffers.take(64).buffer === buffers.take(64).buffer);
});

Deno.test("ReadBuffers.take() gives a large buffer its own memory", () => {
  const buffers = new ReadBuffers();
  const large = buffers.take(64 * 1024);
  assertEquals([large.length, large.buffer.byteLength], [64 * 1024, 64 * 1024]);
});

Deno.test("ReadBuffers.take() reuses a returned buffer for requests of the same size", () => {
  const buffers = new ReadBuffers();
  const buffer = buffers.take(64 * 1024);
  buffers.give(buffer);
  assert(buffers.take(2048) !== buffer);
  assert(buffers.take(64 * 1024) === buffer);
  assert(buffers.take(64 * 1024) !== buffer);
});

Deno.test("ReadBuffers.give() keeps no more than 1 MiB of a size", () => {
  const buffers = new ReadBuffers();
  const given = Array.from({ length: 17 }, () => buffers.take(64 * 1024));
  for (const buffer of given) buffers.give(buffer);
  const again = Array.from({ length: 17 }, () => buffers.take(64 * 1024));
  assertEquals(again.filter((buffer) => given.includes(buffer)).length, 16);
});
