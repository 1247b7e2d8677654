import { EarlyMedia } from "../../lib/session/early_media.ts";
import { assertEquals } from "../helpers/assert.ts";

function drain(early: EarlyMedia): { typeId: number; timestampMs: number; payload: Uint8Array }[] {
  const messages: ReturnType<typeof drain> = [];
  early.drain({
    onMedia: (typeId, timestampMs, payload) => messages.push({ typeId, timestampMs, payload }),
  });
  return messages;
}

Deno.test("EarlyMedia.drain() emits all messages in order, once", () => {
  const early = new EarlyMedia();
  early.add(9, 10, new Uint8Array([1]));
  early.add(8, 0xffff_ffff, new Uint8Array());
  assertEquals(drain(early), [
    { typeId: 9, timestampMs: 10, payload: new Uint8Array([1]) },
    { typeId: 8, timestampMs: 0xffff_ffff, payload: new Uint8Array() },
  ]);
  assertEquals(drain(early), []);
});

Deno.test("EarlyMedia.add() copies the payload", () => {
  const early = new EarlyMedia();
  const payload = new Uint8Array([1, 2]);
  early.add(9, 0, payload);
  payload.fill(9);
  assertEquals(drain(early)[0]?.payload, new Uint8Array([1, 2]));
});

Deno.test("EarlyMedia.add() keeps the first messages and drops those beyond the limit", () => {
  const early = new EarlyMedia();
  const megabyte = new Uint8Array(1024 * 1024);
  for (let second = 0; second < 100; second++) early.add(9, second, megabyte);
  assertEquals(drain(early).map(({ timestampMs }) => timestampMs), [0, 1, 2]);
});

Deno.test("EarlyMedia.add() drops everything after the first dropped message", () => {
  const early = new EarlyMedia();
  early.add(9, 0, new Uint8Array(5 * 1024 * 1024));
  early.add(9, 1, new Uint8Array(1));
  assertEquals(drain(early), []);
});

Deno.test("EarlyMedia.add() limits the number of empty messages", () => {
  const early = new EarlyMedia();
  for (let count = 0; count < 70_000; count++) early.add(8, 0, new Uint8Array());
  assertEquals(drain(early).length, 4 * 1024 * 1024 / 64);
});
