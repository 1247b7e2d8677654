/** A stream whose audio or video stops and returns: what joiners are promised, and get. */

import { concatBytes } from "../../lib/base/bytes.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { AAC_HEADER, audioFrame, AVC_HEADER, interFrame, keyframe } from "../helpers/media.ts";
import { readMessages } from "../helpers/read_messages.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;
const FRAME_MS = 40;

const NAME = "02 000a 6f6e4d65746144617461";
const AUDIO_CODEC = "000c 617564696f636f6465636964 00 4024000000000000";
const WIDTH = "0005 7769647468 00 4084000000000000";

/** `onMetaData` with an audio codec and a width, with either alone. */
const BOTH = hex(`${NAME} 08 00000002 ${AUDIO_CODEC} ${WIDTH} 000009`);
const VIDEO_ONLY = hex(`${NAME} 08 00000001 ${WIDTH} 000009`);
const AUDIO_ONLY = hex(`${NAME} 08 00000001 ${AUDIO_CODEC} 000009`);

type TrackName = "audio" | "video";

/** A camera: a keyframe a second, one audio frame per video frame. */
class Camera {
  readonly stream = new Stream("live/cam", {
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 64 * 1024 * 1024,
    maxMessages: 2_500,
    keepBackMs: 3_500,
  }, () => {});
  #handle: PublishHandle | null = null;
  #frames = 0;

  publish(): this {
    this.#handle = this.stream.publish();
    assert(this.#handle !== null);
    return this.push(DATA, BOTH).push(VIDEO, AVC_HEADER).push(AUDIO, AAC_HEADER);
  }

  lose(): this {
    this.#handle!.end("away");
    return this;
  }

  push(typeId: number, payload: Uint8Array): this {
    const timeMs = this.#frames * FRAME_MS;
    this.#handle!.push(typeId, timeMs, payload, timeMs);
    return this;
  }

  run(ms: number, ...tracks: TrackName[]): this {
    for (let passedMs = 0; passedMs < ms; passedMs += FRAME_MS) {
      const video = this.#frames % 25 === 0 ? keyframe() : interFrame();
      if (tracks.includes("video")) this.push(VIDEO, video);
      if (tracks.includes("audio")) this.push(AUDIO, audioFrame());
      this.#frames++;
    }
    return this;
  }

  /** What a joiner gets first. */
  promises(): string[] {
    const { stream } = this;
    return readMessages(stream.preamble(stream.joinPoint!), CHUNK_SIZE).map(nameOf);
  }

  /** What is in the log from `offset` on, without frames. */
  headersFrom(offset: number): string[] {
    const { log } = this.stream;
    const views: Uint8Array[] = [];
    for (let at = offset; at < log.head; at += views.at(-1)!.length) views.push(log.view(at));
    const messages = readMessages(concatBytes(views), CHUNK_SIZE);
    return messages.map(nameOf).filter((name) => name !== "frame");
  }
}

function nameOf({ payload }: { readonly payload: Uint8Array }): string {
  const names = new Map([
    [BOTH, "metadata of both"],
    [VIDEO_ONLY, "metadata of video"],
    [AUDIO_ONLY, "metadata of audio"],
    [AVC_HEADER, "video header"],
    [AAC_HEADER, "audio header"],
  ]);
  const found = [...names].find(([bytes]) => `${bytes}` === `${payload}`);
  return found?.[1] ?? "frame";
}

const ALL = ["metadata of both", "video header", "audio header"];

Deno.test("Joiners are promised no audio 5 s after it was switched off", () => {
  const camera = new Camera().publish().run(3_000, "audio", "video");
  assertEquals(camera.promises(), ALL);
  camera.run(4_800, "video");
  assertEquals(camera.promises(), ALL);
  camera.run(400, "video");
  assertEquals(camera.promises(), ["metadata of video", "video header"]);
  assertEquals(camera.stream.headers.payloadOf("audio"), null);
});

Deno.test("Joiners are promised no video 5 s after it was switched off, and start with audio", () => {
  const camera = new Camera().publish().run(3_000, "audio", "video").run(5_200, "audio");
  assertEquals(camera.promises(), ["metadata of audio", "audio header"]);
  assert(camera.stream.joinPoint!.timestampMs >= 8_000);
});

for (const gone of ["audio", "video"] as const) {
  const stays = gone === "audio" ? "video" : "audio";

  Deno.test(`When ${gone} returns, those who joined without it get its header and the metadata before it`, () => {
    const camera = new Camera().publish().run(3_000, "audio", "video").run(7_000, stays);
    const offset = camera.stream.log.head;
    camera.run(2_000, "audio", "video");
    assertEquals(camera.headersFrom(offset), ["metadata of both", `${gone} header`]);
    assertEquals(camera.promises().sort(), [...ALL].sort());
  });
}

Deno.test("A header that the encoder repeats before the track returns is not doubled", () => {
  const camera = new Camera().publish().run(3_000, "audio", "video").run(7_040, "video");
  const offset = camera.stream.log.head;
  camera.push(DATA, BOTH).push(AUDIO, AAC_HEADER).run(1_000, "audio", "video");
  assertEquals(camera.headersFrom(offset), ["metadata of both", "audio header"]);
});

Deno.test("A header that the encoder repeats does not revive a track without frames", () => {
  const camera = new Camera().publish().run(3_000, "audio", "video").run(7_000, "video");
  camera.push(DATA, BOTH).push(AUDIO, AAC_HEADER).run(1_000, "video");
  assertEquals(camera.promises().sort(), ["metadata of video", "video header"]);
  const offset = camera.stream.log.head;
  camera.run(1_000, "audio", "video");
  assertEquals(camera.headersFrom(offset).sort(), ["audio header", "metadata of both"]);
});

Deno.test("Metadata that promises a track which never comes is corrected after 5 s", () => {
  const camera = new Camera().publish().run(7_000, "video");
  assertEquals(camera.promises(), ["metadata of video", "video header"]);
});

Deno.test("A publisher that returns is expected with both tracks again, and judged by itself", () => {
  const camera = new Camera().publish().run(3_000, "audio", "video").run(6_000, "video").lose();
  camera.publish().run(1_040, "audio", "video");
  assertEquals(camera.promises(), ALL);
  assertEquals(camera.stream.trackState("audio"), "live");
});

Deno.test("A second onMetaData without width replaces the first for joiners, as other servers do", () => {
  const camera = new Camera().publish().run(1_000, "audio", "video");
  camera.push(DATA, AUDIO_ONLY).run(1_040, "audio", "video");
  assertEquals(camera.promises(), ["video header", "audio header", "metadata of audio"]);
});

Deno.test("Metadata that cannot be encoded again is kept", () => {
  // A name of 30,000 bytes that are not UTF-8 would take three times as many.
  const name = `7530 ${"ff".repeat(30_000)}`;
  const odd = hex(`${NAME} 08 00000002 ${AUDIO_CODEC} ${name} 05 000009`);
  const camera = new Camera().publish().push(DATA, odd).run(6_000, "video");
  assertEquals(camera.promises(), ["video header", "frame"]);
});

Deno.test("A stream whose times are all 0 advances as it arrives, and joiners follow", () => {
  const camera = new Camera().publish();
  const handle = camera.lose().stream.publish()!;
  let streamMs = 0;
  for (let arrivalMs = 0; arrivalMs <= 10_000; arrivalMs += FRAME_MS) {
    const isKey = arrivalMs % 1_000 === 0;
    const before = streamMs;
    streamMs = handle.push(VIDEO, 0, isKey ? keyframe() : interFrame(), arrivalMs);
    handle.push(AUDIO, 0, audioFrame(), arrivalMs);
    assert(streamMs >= before);
  }
  assert(Math.abs(streamMs - 10_000) <= 1_200, `${streamMs}`);
  assert(streamMs - camera.stream.joinPoint!.timestampMs < 1_000);
});
