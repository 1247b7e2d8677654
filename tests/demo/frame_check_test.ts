import { FrameCheck, FrameLedger, isFrame, type MediaMessage } from "../../lib/demo/frame_check.ts";
import { assertEquals } from "../helpers/assert.ts";

/** An AVC frame with `content`. */
function video(timestampMs: number, content: number): MediaMessage {
  const frameType = content === 0 ? 0x17 : 0x27;
  return { typeId: 9, timestampMs, payload: new Uint8Array([frameType, 1, 0, 0, 0, content]) };
}

/** An AAC frame with `content`. */
function audio(timestampMs: number, content: number): MediaMessage {
  return { typeId: 8, timestampMs, payload: new Uint8Array([0xaf, 1, content]) };
}

const HEADER: MediaMessage = {
  typeId: 9,
  timestampMs: 0,
  payload: new Uint8Array([0x17, 0, 0, 0, 0, 1]),
};
const METADATA: MediaMessage = { typeId: 18, timestampMs: 0, payload: new Uint8Array([2, 0, 0]) };

/** Three video frames with audio frames between them, then the same contents again. */
const PUBLISHED = [
  video(0, 0),
  audio(10, 0),
  video(40, 1),
  audio(50, 1),
  video(80, 2),
  video(120, 0),
  audio(130, 0),
  video(160, 1),
];

function check(received: readonly MediaMessage[], published = PUBLISHED): FrameCheck {
  const ledger = new FrameLedger();
  for (const message of published) ledger.record(message);
  const check = new FrameCheck(ledger);
  for (const message of received) check.accept(message);
  return check;
}

function shifted(messages: readonly MediaMessage[], byMs: number): MediaMessage[] {
  return messages.map((message) => ({
    ...message,
    timestampMs: (message.timestampMs + byMs) >>> 0,
  }));
}

const FINE = { lost: 0, duplicated: 0, foreign: 0 };

/** A check that receives `changed[i]` right after message `i` was published. */
function followed(changed: readonly MediaMessage[][]): FrameCheck {
  const ledger = new FrameLedger();
  const check = new FrameCheck(ledger);
  PUBLISHED.forEach((message, i) => {
    ledger.record(message);
    for (const received of changed[i]!) check.accept(received);
  });
  return check;
}

Deno.test("isFrame() is true for video and audio frames only", () => {
  assertEquals([video(0, 0), video(0, 1), audio(0, 0)].map(isFrame), [true, true, true]);
  assertEquals([HEADER, METADATA].map(isFrame), [false, false]);
});

Deno.test("FrameCheck.accept() counts frames that arrive complete", () => {
  const { counts, pending } = followed(PUBLISHED.map((message) => [message]));
  assertEquals(counts, { ...FINE, frames: 8, bytes: 5 * 6 + 3 * 3 });
  assertEquals(pending, 0);
});

Deno.test("FrameCheck.accept() counts bytes but no frames for headers and metadata", () => {
  const { counts, pending } = check([METADATA, HEADER, HEADER]);
  assertEquals(counts, { ...FINE, frames: 0, bytes: 3 + 6 + 6 });
  assertEquals(pending, 8);
});

for (const byMs of [7, -40, 0xfffffff0]) {
  Deno.test(`FrameCheck.accept() accepts a clock that is ${byMs} ms off`, () => {
    const moved = shifted(PUBLISHED, byMs);
    const { counts } = followed(moved.map((message) => [message]));
    assertEquals(counts, { ...FINE, frames: 8, bytes: 39 });
  });
}

Deno.test("FrameCheck.accept() starts at the first frame a player receives", () => {
  const { counts, pending } = check(PUBLISHED.slice(5));
  assertEquals(counts, { ...FINE, frames: 3, bytes: 15 });
  assertEquals(pending, 0);
});

Deno.test("FrameCheck.accept() counts lost frames", () => {
  const received = PUBLISHED.map((message, i) => [2, 3, 6].includes(i) ? [] : [message]);
  const { counts } = followed(received);
  assertEquals(counts, { ...FINE, frames: 5, bytes: 5 * 6 - 6 + 3, lost: 3 });
});

Deno.test("FrameCheck.accept() counts duplicated frames", () => {
  const received = PUBLISHED.map((message, i) => i === 3 ? [message, message] : [message]);
  const { counts } = followed(received);
  assertEquals(counts, { ...FINE, frames: 8, bytes: 39 + 3, duplicated: 1 });
});

Deno.test("FrameCheck.accept() counts every frame of a repeated second", () => {
  const received = PUBLISHED.map((message, i) => i === 4 ? PUBLISHED.slice(0, 5) : [message]);
  assertEquals(followed(received).counts.duplicated, 4);
});

Deno.test("FrameCheck.accept() counts changed content and wrong times as foreign, and as lost", () => {
  const received = PUBLISHED.map((message, i) => {
    if (i === 2) return [video(40, 99)];
    if (i === 4) return [video(81, 2)];
    return [message];
  });
  const { counts } = followed(received);
  assertEquals(counts, { frames: 6, bytes: 39, lost: 2, duplicated: 0, foreign: 2 });
});

Deno.test("FrameCheck.pending counts published frames that have not arrived", () => {
  const received = PUBLISHED.map((message, i) => i < 5 ? [message] : []);
  assertEquals(followed(received).pending, 3);
});

Deno.test("FrameLedger forgets frames older than a minute", () => {
  const published = Array.from({ length: 6000 }, (_, i) => video(i * 40, 1 + i % 100));
  const ledger = new FrameLedger();
  const check = new FrameCheck(ledger);
  for (const message of published) ledger.record(message);
  check.accept(published[5999]!);
  check.accept(published[1000]!);
  check.accept(published[999]!);
  assertEquals(ledger.count, 6000);
  assertEquals(check.counts, { frames: 1, bytes: 18, lost: 0, duplicated: 1, foreign: 1 });
});
