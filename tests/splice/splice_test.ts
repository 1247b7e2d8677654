import { DeliveryHistory, fingerprint } from "../../lib/splice/delivery_history.ts";
import { isFrame } from "../../lib/media/flv_tag.ts";
import { CatchUp } from "../../lib/splice/catch_up.ts";
import { Joiner, originPatienceMs } from "../../lib/splice/joiner.ts";
import { SourcePace } from "../../lib/splice/source_pace.ts";
import { Splice } from "../../lib/splice/splice.ts";
import { addU32, diffU32 } from "../../lib/base/u32.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

interface Message {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

const VIDEO = 9;
const AUDIO = 8;
const GOP_FRAMES = 12;
const VIDEO_HEADER: Message = message(VIDEO, 0, [0x17, 0, 0, 0, 0, 1, 2, 3]);
const AUDIO_HEADER: Message = message(AUDIO, 0, [0xAF, 0, 0x12, 0x10]);

function message(typeId: number, timestampMs: number, bytes: readonly number[]): Message {
  return { typeId, timestampMs, payload: Uint8Array.from(bytes) };
}

/** Returns bytes that no other message of the test has. */
function noise(seed: number, length: number): number[] {
  const bytes: number[] = [];
  let state = seed * 2654435761 >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.push(state >>> 24);
  }
  return bytes;
}

interface EncodeOptions {
  readonly videoFrames: number;
  /** Differs from encode to encode. */
  readonly seed?: number;
  /** A black screen and silence: all keyframes are alike, all inter frames, all audio frames. */
  readonly isStill?: boolean;
  readonly hasVideo?: boolean;
}

/** Returns an encode in order: a video frame every 40 ms, an audio frame every 23 ms. */
function encode(
  { videoFrames, seed = 1, isStill = false, hasVideo = true }: EncodeOptions,
): Message[] {
  const frames: Message[] = [];
  for (let n = 0; hasVideo && n < videoFrames; n++) {
    const isKey = n % GOP_FRAMES === 0;
    const body = noise(isStill ? (isKey ? 1 : 2) : seed * 100_000 + n, isKey ? 900 : 300);
    frames.push(message(VIDEO, n * 40, [isKey ? 0x17 : 0x27, 1, 0, 0, 0, ...body]));
  }
  for (let n = 0; n * 23 < videoFrames * 40; n++) {
    const body = isStill
      ? [0x21, 0x10, 4, 0x60, 0x8C, 0x1C]
      : noise(seed * 100_000 + 50_000 + n, 90);
    frames.push(message(AUDIO, n * 23, [0xAF, 1, ...body]));
  }
  return frames.sort((left, right) => left.timestampMs - right.timestampMs);
}

/** Returns what an origin sends to a new player once it has `live` of the encode's frames. */
function joinAt(frames: readonly Message[], live: number, clockMs: number): Message[] {
  let start = live;
  while (start > 0 && !isKeyframe(frames[start]!)) start--;
  const stampMs = frames[start]!.timestampMs;
  return [
    { ...VIDEO_HEADER, timestampMs: stampMs },
    { ...AUDIO_HEADER, timestampMs: stampMs },
    ...frames.slice(start),
  ].map((each) => ({ ...each, timestampMs: addU32(each.timestampMs, clockMs) }));
}

function isKeyframe({ payload }: Message): boolean {
  return payload[0] === 0x17;
}

function createHistory(delivered: readonly Message[], clockMs: number): DeliveryHistory {
  const history = new DeliveryHistory();
  for (const { typeId, timestampMs, payload } of [VIDEO_HEADER, AUDIO_HEADER, ...delivered]) {
    history.note(typeId, addU32(timestampMs, clockMs), payload, timestampMs);
  }
  return history;
}

/**
 * Plays `incoming` into a splice, of which `cached` messages arrive at once. @returns what it
 * delivers, in stream time.
 */
function spliceOn(history: DeliveryHistory, incoming: readonly Message[], cached = 0) {
  const pace = new SourcePace(history, 1_000);
  const splice = new Splice(history, pace);
  let nowMs = 4_000;
  for (const [index, { typeId, timestampMs, payload }] of incoming.entries()) {
    const before = incoming[index - 1];
    if (before !== undefined && index >= cached) {
      nowMs += Math.max(0, diffU32(timestampMs, before.timestampMs));
    }
    pace.note(typeId, timestampMs, payload, nowMs);
    const decision = splice.offer(typeId, timestampMs, payload);
    if (decision.type === "hold") continue;
    const all = [...decision.held, ...incoming.slice(index + 1)];
    if (decision.type === "restart") return { type: decision.type, delivered: all };
    const catchUp = new CatchUp(history, decision.align);
    const shiftMs = diffU32(decision.align.streamMs, decision.align.sourceMs);
    const delivered = all
      .filter((each) => catchUp.isNew(each.typeId, each.timestampMs, each.payload))
      .map((each) => ({ ...each, timestampMs: addU32(each.timestampMs, shiftMs) }));
    return { type: decision.type, delivered };
  }
  return { type: "hold" as const, delivered: [] };
}

function describe(messages: readonly Message[]): string[] {
  return messages.map(({ typeId, timestampMs, payload }) =>
    `${typeId} ${timestampMs} ${payload.length} ${payload.slice(5, 9)}`
  );
}

const AFTER = { how: "after", patienceMs: originPatienceMs, reachMs: 1_000 } as const;

const FRAMES = encode({ videoFrames: 40 });

for (const lagFrames of [-20, -3, 0, 3, 20]) {
  const where = lagFrames === 0
    ? "as far as the last one"
    : `${Math.abs(lagFrames)} frames ${lagFrames < 0 ? "behind" : "ahead of"} the last one`;
  Deno.test(`Splice continues with the very next frame when the new origin is ${where}`, () => {
    const streamClockMs = 70_000;
    for (let delivered = 30; delivered <= FRAMES.length - 30; delivered++) {
      const live = delivered + lagFrames;
      const incoming = joinAt(FRAMES, live, 5_000);
      // Beyond the next keyframe, frames are lost for good: that is no splice.
      const firstIncoming = FRAMES.findIndex((frame) => frame.payload === incoming[2]!.payload);
      if (firstIncoming >= delivered) continue;
      const history = createHistory(FRAMES.slice(0, delivered), streamClockMs);
      const result = spliceOn(history, incoming);
      const expected = FRAMES.slice(delivered).map((frame) => ({
        ...frame,
        timestampMs: frame.timestampMs + streamClockMs,
      }));
      assertEquals(result.type, "continue", `after ${delivered} frames`);
      assertEquals(describe(result.delivered), describe(expected), `after ${delivered} frames`);
    }
  });
}

Deno.test("Splice continues across the wrap of timestamps", () => {
  const history = createHistory(FRAMES.slice(0, 60), 0xFFFFFFFF - 500);
  const result = spliceOn(history, joinAt(FRAMES, 60, 0xFFFFFFFF - 900));
  assertEquals(result.type, "continue");
  assertEquals(
    describe(result.delivered),
    describe(
      FRAMES.slice(60).map((frame) => ({
        ...frame,
        timestampMs: addU32(frame.timestampMs, 0xFFFFFFFF - 500),
      })),
    ),
  );
});

Deno.test("Splice restarts at the first keyframe of another encode, headers first", () => {
  const history = createHistory(FRAMES.slice(0, 60), 0);
  const incoming = joinAt(encode({ videoFrames: 40, seed: 2 }), 60, 0);
  const result = spliceOn(history, incoming);
  assertEquals(result.type, "restart");
  assertEquals(describe(result.delivered), describe(incoming));
});

Deno.test("Splice waits for a keyframe of another encode that begins within a GOP", () => {
  const history = createHistory(FRAMES.slice(0, 60), 0);
  const other = encode({ videoFrames: 40, seed: 2 });
  const incoming = [VIDEO_HEADER, AUDIO_HEADER, ...other.slice(5)];
  const result = spliceOn(history, incoming);
  const firstKey = incoming.findIndex((each, index) => index > 1 && isKeyframe(each));
  assertEquals(result.type, "restart");
  assertEquals(
    describe(result.delivered),
    describe([VIDEO_HEADER, AUDIO_HEADER, ...incoming.slice(firstKey)]),
  );
});

Deno.test("Splice does not take a still scene for the newest position that matches", () => {
  const still = encode({ videoFrames: 60, isStill: true });
  const delivered = still.findIndex(({ timestampMs, typeId }) =>
    typeId === VIDEO && timestampMs >= 1000
  );
  const result = spliceOn(createHistory(still.slice(0, delivered), 0), joinAt(still, delivered, 0));
  // Any GOP may be taken, but timestamps increase: no frame is sent twice.
  assertEquals(result.type, "continue");
  const times = result.delivered.filter(({ typeId }) => typeId === VIDEO)
    .map(({ timestampMs }) => timestampMs);
  assert(times.every((timeMs, index) => index === 0 || timeMs > times[index - 1]!));
  assert(times[0]! > 960);
});

Deno.test("Splice joins a stream without video", () => {
  const audio = encode({ videoFrames: 100, hasVideo: false });
  const history = createHistory(audio.slice(0, 80), 9_000);
  const incoming = audio.slice(50).map((each) => ({ ...each, timestampMs: each.timestampMs + 7 }));
  const result = spliceOn(history, incoming);
  assertEquals(result.type, "continue");
  assertEquals(
    describe(result.delivered),
    describe(audio.slice(80).map((each) => ({ ...each, timestampMs: each.timestampMs + 9_000 }))),
  );
});

Deno.test("Splice restarts when nothing was delivered before", () => {
  const incoming = joinAt(FRAMES, 20, 0);
  const result = spliceOn(createHistory([], 0), incoming);
  assertEquals(result.type, "restart");
  assertEquals(describe(result.delivered), describe(incoming));
});

Deno.test("CatchUp drops the headers in force and passes a new one", () => {
  const catchUp = new CatchUp(createHistory(FRAMES.slice(0, 60), 0), { sourceMs: 0, streamMs: 0 });
  assertEquals(catchUp.isNew(VIDEO, 0, VIDEO_HEADER.payload), false);
  assertEquals(catchUp.isNew(VIDEO, 0, Uint8Array.of(0x17, 0, 0, 0, 0, 9)), true);
});

Deno.test("CatchUp tells slices with the same timestamp apart", () => {
  const [first, second] = [noise(7, 300), noise(8, 300)].map((body) =>
    message(VIDEO, 40, [0x27, 1, 0, 0, 0, ...body])
  );
  const history = createHistory([first!], 0);
  const catchUp = new CatchUp(history, { sourceMs: 0, streamMs: 0 });
  assertEquals(catchUp.isNew(VIDEO, 40, first!.payload), false);
  assertEquals(catchUp.isNew(VIDEO, 40, second!.payload), true);
});

Deno.test("isFrame() tells frames from headers and data", () => {
  assertEquals(isFrame(VIDEO, FRAMES.find(isKeyframe)!.payload), true);
  assertEquals(isFrame(VIDEO, VIDEO_HEADER.payload), false);
  assertEquals(isFrame(AUDIO, AUDIO_HEADER.payload), false);
  assertEquals(isFrame(18, Uint8Array.of(2, 0, 0)), false);
});

for (
  const { silence, silenceMs, withinMs } of [
    { silence: "", silenceMs: 100, withinMs: 2_500 },
    { silence: " after an outage", silenceMs: 60_000, withinMs: 1_000 },
  ]
) {
  Deno.test(`Joiner restarts when the new origin sends the same material from the start${silence}`, () => {
    const frames = encode({ videoFrames: 100 });
    const joiner = new Joiner(createHistory(frames, 0), 0, AFTER);
    // At the pace of a live stream: a publisher that began its file again.
    const replay = joinAt(frames, 0, 0);
    for (const [index, { typeId, timestampMs, payload }] of replay.entries()) {
      const result = joiner.offer(typeId, timestampMs, payload, silenceMs + timestampMs);
      if (result === null) continue;
      assertEquals(result.align, null, "not the same broadcast");
      // Headers, then everything from the newest keyframe on.
      const newest = replay.slice(0, index + 1).findLastIndex(isKeyframe);
      assertEquals(
        describe(result.messages),
        describe([VIDEO_HEADER, AUDIO_HEADER, ...replay.slice(newest, index + 1)]),
      );
      assert(timestampMs <= withinMs, `after ${timestampMs} ms`);
      return;
    }
    throw new Error("The new origin was never joined");
  });
}

Deno.test("Joiner waits for an origin that is a second behind", () => {
  const delivered = 70;
  const joiner = new Joiner(createHistory(FRAMES.slice(0, delivered), 0), 0, AFTER);
  let nowMs = 0;
  for (const { typeId, timestampMs, payload } of joinAt(FRAMES, delivered - 40, 0)) {
    const result = joiner.offer(typeId, timestampMs, payload, nowMs);
    nowMs += 14;
    if (result === null) continue;
    assert(result.align !== null);
    assertEquals(describe(result.messages), describe(FRAMES.slice(delivered, delivered + 1)));
    return;
  }
  throw new Error("The new origin was never joined");
});

Deno.test("fingerprint() tells long frames apart that differ in any byte of their beginning", () => {
  for (const length of [600, 10_000]) {
    const frame = new Uint8Array(length).fill(0x6B);
    for (let at = 0; at < 64; at++) {
      const other = frame.slice();
      other[at] = 1;
      assert(fingerprint(frame) !== fingerprint(other), `byte ${at} of ${length}`);
    }
  }
});
