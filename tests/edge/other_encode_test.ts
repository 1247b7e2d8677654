/**
 * The origin of a pull breaks at every end of a message, and the next one carries another encode,
 * with another resolution or codec. Players get its headers, then its frames from a keyframe on,
 * and timestamps continue.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { LogViewer } from "../helpers/log_viewer.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import type { TinyMessage } from "../helpers/tiny_media.ts";
import type { WireMessage } from "../helpers/wire_message.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const AVC = new TinyEncode();
const LARGE_AVC = new TinyEncode({ video: "avcLarge", seed: 100 });
const HEVC = new TinyEncode({ video: "hevc", seed: 100 });

/** How far timestamps may advance from one source to the next, in ms. */
const MAX_STEP_MS = 100;

interface Switch {
  readonly from: TinyEncode;
  readonly to: TinyEncode;
  /** Messages that the first origin sends. */
  readonly sent: number;
  /** The second one's clock when its encode begins, in ms. */
  readonly clockMs: number;
  /** Frames of the second one that a new player does not get; above 0 when it has no GOP cache. */
  readonly skipped: number;
}

/**
 * Breaks the first origin, so that the second continues. @returns what an early and a late player
 * got
 */
async function play({ from, to, sent, clockMs, skipped }: Switch) {
  const rig = new VhostRig({ origins: TWO_ORIGINS });
  const player = await rig.play();
  rig.a.link.sendMedia(...from.messages.slice(0, sent));
  await rig.advance(1_500);
  rig.a.link.reset();
  await rig.settle();
  const incoming = onClock([...to.headersAt(skipped), ...to.frames.slice(skipped)], clockMs);
  for (const message of incoming) {
    rig.b.link.sendMedia(message);
    await rig.clock.settle();
  }
  await rig.settle();
  assertEquals([rig.a.openCount, rig.b.openCount, player.statuses], [0, 1, []]);
  return { media: player.media, late: new LogViewer().watch(player.stream).media };
}

/** `media` is what was sent before, then headers, then frames, with continuous timestamps. */
function check(
  media: readonly WireMessage[],
  { before, headers, frames }: Record<"before" | "headers" | "frames", readonly TinyMessage[]>,
): void {
  const first = before.length + headers.length;
  assertEquals(
    media.slice(0, first).map(({ payload }) => payload),
    [...before, ...headers].map(({ payload }) => payload),
    "what was sent before, and headers",
  );
  const got = media.slice(first);
  const shiftMs = got[0]!.timestampMs - frames[0]!.timestampMs;
  const run = new StreamCheck(onClock(frames, shiftMs));
  for (const frame of got) run.accept(frame);
  assertEquals([run.mismatch, run.count], [null, frames.length]);
  const timed = media.filter(({ typeId }) => typeId !== 18);
  for (const [at, { timestampMs }] of timed.entries()) {
    const stepMs = timestampMs - (timed[at - 1] ?? timed[0]!).timestampMs;
    assert(stepMs >= 0, `time steps back by ${-stepMs} ms at message ${at}`);
    // Only the very first headers may have another timestamp than their frames.
    const isBegin = !timed.slice(0, at).some(isTinyFrame);
    assert(isBegin || stepMs <= MAX_STEP_MS, `time leaps by ${stepMs} ms at message ${at}`);
  }
}

const SWITCHES = [
  { what: "another resolution", from: AVC, to: LARGE_AVC },
  { what: "HEVC after AVC", from: AVC, to: HEVC },
  { what: "AVC after HEVC", from: HEVC, to: AVC },
] as const;

const CACHES = [
  { with: "its GOP cache", skipped: 0 },
  { with: "no GOP cache", skipped: 4 },
] as const;

for (const { what, from, to } of SWITCHES) {
  for (const { with: cache, skipped } of CACHES) {
    Deno.test(`a puller gives players new headers before the first keyframe when the next origin has ${what} and ${cache}`, async () => {
      // Without a video frame from the first one there is nothing to replace: the second just
      // begins.
      for (let sent = from.headers.length + 1; sent <= from.messages.length; sent++) {
        for (const clockMs of [0, 5_000_000]) {
          const { media, late } = await play({ from, to, sent, clockMs, skipped });
          const first = to.keyframes.find((index) => index >= skipped)!;
          check(media, {
            before: from.messages.slice(0, sent),
            headers: to.headers,
            frames: to.frames.slice(first),
          });
          const last = to.keyframes.at(-1)!;
          check(late, { before: [], headers: to.headers, frames: to.frames.slice(last) });
          assertEquals(late.some(isTinyFrame), true, `after ${sent} messages`);
        }
      }
    });
  }
}

/** AVC that changes its resolution and back, with a header before each GOP. */
function changingEncode(): TinyMessage[] {
  const [metadata, , audioHeader] = AVC.headers;
  const small = AVC.headers[1]!;
  const large = LARGE_AVC.headers[1]!;
  const [, second, third] = AVC.keyframes;
  return [
    metadata!,
    small,
    audioHeader!,
    ...AVC.frames.slice(0, second),
    { ...large, timestampMs: AVC.frames[second!]!.timestampMs },
    ...AVC.frames.slice(second, third),
    { ...small, timestampMs: AVC.frames[third!]!.timestampMs },
    ...AVC.frames.slice(third),
  ];
}

Deno.test("a puller passes on a resolution that returns, once, at any break of the origin", async () => {
  const all = changingEncode();
  const [metadata, , audioHeader] = all;
  const keyframes = AVC.keyframes.map((index) => AVC.frames[index]!);
  for (let sent = 4; sent < all.length; sent++) {
    const rig = new VhostRig({ origins: TWO_ORIGINS });
    const player = await rig.play();
    rig.a.link.sendMedia(...all.slice(0, sent));
    await rig.settle();
    rig.a.link.reset();
    await rig.settle();
    // The newest keyframe that the second one has, and the header in force there.
    const key = all.findLastIndex((message, at) => at < sent && keyframes.includes(message));
    const header = all.findLast((message, at) =>
      at < key && message.typeId === 9 && !isTinyFrame(message)
    );
    const stampMs = all[key]!.timestampMs;
    const join = [
      metadata!,
      { ...header!, timestampMs: stampMs },
      { ...audioHeader!, timestampMs: stampMs },
    ];
    rig.b.link.sendMedia(...onClock([...join, ...all.slice(key)], 5_000_000));
    await rig.settle();
    const check = new StreamCheck(all);
    for (const message of player.media) check.accept(message);
    assertEquals([check.mismatch, check.count], [null, all.length], `after message ${sent}`);
  }
});
