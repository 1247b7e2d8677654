/**
 * An edge with a player whose first origin breaks or freezes after a given byte, and the second
 * continues.
 *
 * The first one's clock passes 0xFFFFFF, so that some headers are longer, and chunks are small, so
 * that breaks fall within messages, within chunks, and within the headers of continuations. The
 * second one's clock wraps.
 */

import { concatBytes } from "../../lib/base/bytes.ts";
import { EXTENDED_TIMESTAMP } from "../../lib/rtmp/constants.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { encodedMessageBytes, encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { encodeSetChunkSize } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "./assert.ts";
import { ByteLimit, prepareNext } from "./breaking_link.ts";
import { PORT_A, TWO_ORIGINS } from "./edge_rig.ts";
import { connectProperty } from "./scripted_origin.ts";
import { StreamCheck } from "./stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "./tiny_encode.ts";
import type { TinyMessage } from "./tiny_media.ts";
import { type TestPlayer, VhostRig } from "./vhost_rig.ts";

const CHUNK_SIZE = 128;
const ENCODE = new TinyEncode();
const FIRST_CLOCK_MS = EXTENDED_TIMESTAMP - 100;
const SECOND_CLOCK_MS = 0xFFFFFFFF - 100;
const FIRST = onClock(ENCODE.messages, FIRST_CLOCK_MS);

/** Returns the bytes of messages, in small chunks. */
function encodeChunked(messages: readonly TinyMessage[]): Uint8Array[] {
  return messages.map(({ typeId, timestampMs, payload }) =>
    encodeMessage({ csid: csidOf(typeId), typeId, msid: 1, timestampMs }, payload, CHUNK_SIZE)
  );
}

const FIRST_BYTES = concatBytes([encodeSetChunkSize(CHUNK_SIZE), ...encodeChunked(FIRST)]);
/** The second origin's bytes, by frame, and of the headers at a keyframe. */
const SECOND_FRAMES = encodeChunked(onClock(ENCODE.frames, SECOND_CLOCK_MS));
const SECOND_HEADERS = ENCODE.keyframes.map((first) =>
  concatBytes([
    encodeSetChunkSize(CHUNK_SIZE),
    ...encodeChunked(onClock(ENCODE.headersAt(first), SECOND_CLOCK_MS)),
  ])
);

/** An edge with a player and two origins, of which the first breaks. */
export class PullBreak extends VhostRig {
  readonly limit: ByteLimit;
  readonly #how: "breaks" | "freezes";
  readonly #where: string;
  #player: TestPlayer | null = null;

  constructor(maxBytes: number, how: "breaks" | "freezes") {
    super({ origins: TWO_ORIGINS });
    this.#how = how;
    this.#where = `the first origin ${how} after byte ${maxBytes}`;
    this.limit = new ByteLimit(maxBytes);
    prepareNext(this.network, PORT_A, ({ client, server }) => {
      this.limit.onReached = () => how === "breaks" ? server.close() : client.block();
      this.limit.ofWrites(server);
    });
  }

  get player(): TestPlayer {
    return this.#player!;
  }

  /** Frames that the player has. */
  get frames() {
    return this.player.media.filter(isTinyFrame);
  }

  /** Lets the player join, and the first origin send as much as it can. */
  async start(): Promise<void> {
    this.#player = await this.play();
    const { link } = this.a;
    if (!link.commandNames.includes("play")) return;
    link.send(FIRST_BYTES.slice());
    await this.settle();
  }

  /**
   * Lets the edge find the second origin, which is `aheadFrames` ahead of the player.
   *
   * @param meanwhile called once the second origin feeds the stream
   * @returns the frame that it begins with
   */
  async takeOver(aheadFrames: number, meanwhile = async () => {}): Promise<number> {
    await this.untilSecond();
    const count = ENCODE.frames.length;
    const live = Math.min(Math.max(1, this.frames.length + aheadFrames), count);
    // Our origins reach back as far as requested; this whole stream is shorter.
    const asked = connectProperty(this.b.link, "edgeBacklogMs");
    const first = asked === undefined ? ENCODE.keyframeBefore(live) : 0;
    this.b.link.send(SECOND_HEADERS[ENCODE.keyframes.indexOf(first)]!.slice());
    await this.#sendSecond(first, live);
    await this.#pass();
    await this.#sendSecond(live, count - 1);
    await meanwhile();
    await this.#pass();
    await this.#sendSecond(Math.max(live, count - 1), count);
    await this.#pass();
    return first;
  }

  async #sendSecond(from: number, to: number): Promise<void> {
    if (from < to) this.b.link.send(concatBytes(SECOND_FRAMES.slice(from, to)));
    await this.settle();
  }

  /** Checks that a first origin that froze is left in the end. */
  async #pass(): Promise<void> {
    if (this.#how === "freezes") await this.advance(1_000);
  }

  /** The second origin has nothing new for the player; then the first one, which froze, resumes. */
  async recover(): Promise<void> {
    await this.untilSecond();
    this.b.link.send(SECOND_HEADERS[0]!.slice());
    await this.#sendSecond(0, this.frames.length);
    await this.thaw();
  }

  /** Lets the first origin, which froze, resume. */
  async thaw(): Promise<void> {
    this.network.connections.find(({ port }) => port === PORT_A)!.client.unblock();
    await this.limit.release();
    await this.settle();
  }

  /** Advances time until the second origin is asked to play. */
  async untilSecond(): Promise<void> {
    for (let i = 0; i < 60 && !this.#isSecondAsked; i++) await this.advance(100);
    this.#require(this.#isSecondAsked, "the second origin is not asked");
  }

  /** Checks that the player has headers, then all frames from `first` on, from one origin. */
  check(first: number, servedBy: "a" | "b" = "b"): void {
    const { media, statuses } = this.player;
    const got = this.frames;
    const shiftMs = (got[0]?.timestampMs ?? 0) - ENCODE.frames[first]!.timestampMs;
    const check = new StreamCheck(onClock(ENCODE.frames.slice(first), shiftMs));
    for (const frame of got) check.accept(frame);
    this.#require(check.mismatch === null, check.mismatch ?? "");
    this.#requireEqual(check.count, ENCODE.frames.length - first, "frames");
    const begin = media.findIndex(isTinyFrame);
    const headers = media.filter((message) => !isTinyFrame(message));
    this.#require(begin === headers.length, "a header is between frames");
    this.#requireEqual(
      headers.slice(-3).map(({ payload }) => payload),
      ENCODE.headers.map(({ payload }) => payload),
      "headers",
    );
    const times = media.filter(({ typeId }) => typeId !== 18).map(({ timestampMs }) => timestampMs);
    this.#require(times.every((ms, at) => at === 0 || ms >= times[at - 1]!), "time steps back");
    this.#requireEqual(statuses, [], "statuses");
    this.#requireEqual(
      [this.a.openCount, this.b.openCount, this.vhost.upstreams().count],
      servedBy === "a" ? [1, 0, 1] : [0, 1, 1],
      "origins in use",
    );
  }

  get #isSecondAsked(): boolean {
    return this.b.links.at(-1)?.commandNames.includes("play") === true;
  }

  #require(isTrue: boolean, what: string): void {
    assert(isTrue, `${this.#where}: ${what}`);
  }

  #requireEqual<T>(actual: T, expected: T, what: string): void {
    assertEquals(actual, expected, `${this.#where}: ${what}`);
  }
}

/** Returns where the messages of the first origin end, from the end of its answers on. */
async function messageEnds(): Promise<number[]> {
  const rig = new PullBreak(Infinity, "breaks");
  await rig.start();
  const sizes = FIRST.map(({ payload, timestampMs }) =>
    encodedMessageBytes(payload.length, timestampMs, CHUNK_SIZE)
  );
  let end = rig.limit.passedBytes - sizes.reduce((sum, size) => sum + size, 0);
  return [end, ...sizes.map((size) => end += size)];
}

const ENDS = await messageEnds();

/** S0 S1 S2, whose bytes are all alike but at the ends of its blocks. */
const HANDSHAKE = { bytes: 1 + 1536 + 1536, step: 61 } as const;
/** The answers to the edge's commands; media follows all of them. */
const ANSWER_STEP = 5;

/**
 * Returns the numbers of bytes after which the first origin breaks: every one within media, every
 * 5th before it, every 61st within the handshake.
 */
export function everyByte(): number[] {
  return Array.from({ length: ENDS.at(-1)! + 1 }, (_, count) => count).filter((count) => {
    if (count >= ENDS[0]!) return true;
    return count % (count < HANDSHAKE.bytes ? HANDSHAKE.step : ANSWER_STEP) < 1;
  });
}

/**
 * Returns the ends of the first origin's messages, one byte before and after, and every `step`th
 * byte.
 */
export function everyBoundary(step: number): number[] {
  const near = new Set(ENDS.flatMap((end) => [end - 1, end, end + 1]));
  return everyByte().filter((count) => near.has(count) || count % step === 0);
}

/** Frames of the stream. */
export const FRAME_COUNT = ENCODE.frames.length;

/** Returns the frames that are whole within the first `count` bytes. */
export function framesWithin(count: number): number {
  const messages = ENDS.filter((end) => end <= count).length - 1;
  return Math.max(0, messages - ENCODE.headers.length);
}
