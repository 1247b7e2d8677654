/**
 * The origin of a push breaks, or freezes, after every single byte that it receives: the publisher
 * stays, and the next origin gets headers and everything from the newest keyframe before what the
 * first one acknowledged.
 */

import { Pusher } from "../../lib/upstream/pusher.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { encodeAcknowledgement } from "../../lib/rtmp/control_messages.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { ByteLimit, prepareNext } from "../helpers/breaking_link.ts";
import { EdgeRig, PORT_A, requestFor, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import { SET_METADATA, type TinyMessage } from "../helpers/tiny_media.ts";

const CHUNK_SIZE = 128;
const ENCODE = new TinyEncode();
const [, ...SEQUENCE_HEADERS] = ENCODE.headers;

/** A video frame and its audio frames, which the edge writes at once. */
const GROUP_FRAMES = 3;
/** Longer than a turn of the wheel that writes to origins. */
const TURN_MS = 40;
/** How often the first origin acknowledges, in bytes, from the end of the handshake on. */
const ACK_BYTES = 300;
/** C0 C1 C2, and how many of its bytes pass between two breaks: they are all alike. */
const HANDSHAKE = { bytes: 1 + 1536 + 1536, step: 61 } as const;

/** How the first origin ends. */
type Break = "breaks" | "freezes";

/** A pusher with two origins, of which the first breaks, and its publisher. */
class PushBreak extends EdgeRig {
  readonly sent = new ByteLimit(Infinity);
  readonly refusals: Refusal[] = [];
  readonly #received: ByteLimit;
  readonly #how: Break;
  readonly #where: string;
  readonly #stream = new Stream("live/show", {
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 64 * 1024 * 1024,
    maxMessages: 2_500,
    keepBackMs: 3_500,
  }, () => {});
  /** Bytes sent to the first origin with each group of frames. */
  readonly #groupEnds: number[] = [];
  #acknowledgedBytes = 0;
  /** Frames published when the second origin takes the stream: it begins with one of them. */
  #publishedBefore = 0;
  #handle: PublishHandle | null = null;
  #acceptedCount = 0;
  #isBroken = false;

  constructor(maxBytes: number, how: Break, prepare = (_: EdgeRig) => {}) {
    super({ origins: TWO_ORIGINS });
    prepare(this);
    this.#how = how;
    this.#where = `the first origin ${how} after byte ${maxBytes}`;
    this.#received = new ByteLimit(maxBytes);
    this.#received.onPassed = (totalBytes) => this.#acknowledge(totalBytes);
    prepareNext(this.network, PORT_A, ({ client, server }) => {
      this.#received.ofReads(server);
      this.sent.ofWrites(client);
    });
    const pusher = new Pusher({
      context: { ...this.context, chunkSize: CHUNK_SIZE },
      origins: this.context.origins,
      totals: this.context.totals,
      stream: this.#stream,
      request: () => requestFor(),
      wheel: this.wheels.for(20),
      logger: this.log.logger,
      onAccepted: () => {
        this.#acceptedCount++;
        this.#handle = this.#stream.publish();
      },
      onRefused: (refusal) => this.refusals.push(refusal),
      onDisplaced: () => {},
    });
    void pusher.start();
  }

  /** The publisher was accepted once, and never dropped. */
  get isServed(): boolean {
    return this.#acceptedCount === 1 && !this.#handle!.isClosed && this.refusals.length === 0;
  }

  /** Publishes everything while the first origin breaks, unless the origins refuse the stream. */
  async run(): Promise<void> {
    await this.settle();
    await this.#break();
    for (let i = 0; i < 60 && !this.#isDecided; i++) await this.advance(100);
    if (this.#handle === null) return;
    this.#push(ENCODE.headers);
    for (let at = 0; at < ENCODE.frames.length; at += GROUP_FRAMES) {
      this.#push(ENCODE.frames.slice(at, at + GROUP_FRAMES));
      await this.clock.advance(TURN_MS);
      if (!this.#isBroken) this.#groupEnds.push(this.sent.passedBytes);
      if (this.b.links.length === 0) this.#publishedBefore = at + GROUP_FRAMES;
      await this.#break();
    }
    await this.advance(this.#how === "freezes" ? 2_300 : TURN_MS);
  }

  /** Checks that the second origin has headers, and all frames from the right keyframe on. */
  check(): void {
    this.#require(this.isServed, "the publisher is not served");
    const { media } = this.b.link;
    const got = media.filter(isTinyFrame);
    const first = ENCODE.frames.findIndex(({ payload }) => isSame(payload, got[0]!.payload));
    const shiftMs = got[0]!.timestampMs - ENCODE.frames[first]!.timestampMs;
    const check = new StreamCheck(onClock(ENCODE.frames.slice(first), shiftMs));
    for (const frame of got) check.accept(frame);
    this.#require(check.mismatch === null, check.mismatch ?? "");
    this.#requireEqual(check.count, ENCODE.frames.length - first, "frames");
    this.#requireEqual(
      media.slice(0, 3).map(({ payload }) => payload),
      [SET_METADATA, ...SEQUENCE_HEADERS.map(({ payload }) => payload)],
      "headers",
    );
    this.#requireEqual(first, this.#expectedFirst(), "the first frame");
    this.#requireEqual([this.a.links.length, this.b.openCount], [1, 1], "origins in use");
  }

  /** The newest keyframe at or before what the first origin acknowledged. */
  #expectedFirst(): number {
    const groups = this.#groupEnds.filter((end) => end <= this.#acknowledgedBytes).length;
    const surelySent = groups * GROUP_FRAMES;
    return ENCODE.keyframes.findLast((index) =>
      index <= surelySent && index < this.#publishedBefore
    ) ?? 0;
  }

  get #isDecided(): boolean {
    return this.#handle !== null || this.refusals.length > 0;
  }

  #push(messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      this.#handle!.push(typeId, timestampMs, payload, timestampMs);
    }
  }

  #acknowledge(totalBytes: number): void {
    const isDue = totalBytes - this.#acknowledgedBytes >= ACK_BYTES;
    if (totalBytes <= HANDSHAKE.bytes || !isDue) return;
    this.#acknowledgedBytes = totalBytes;
    // Not before the edge knows that its bytes were taken.
    this.clock.after(1, () => this.a.link.send(encodeAcknowledgement(totalBytes)));
  }

  /** Breaks the first origin if it has received all that it may. */
  async #break(): Promise<void> {
    if (this.#isBroken || !this.#received.isReached) return;
    this.#isBroken = true;
    if (this.#how === "breaks") this.a.link.close();
    await this.settle();
  }

  #require(isTrue: boolean, what: string): void {
    assert(isTrue, `${this.#where}: ${what}`);
  }

  #requireEqual<T>(actual: T, expected: T, what: string): void {
    assertEquals(actual, expected, `${this.#where}: ${what}`);
  }
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

async function countBytes(): Promise<number> {
  const rig = new PushBreak(Infinity, "breaks");
  await rig.run();
  return rig.sent.passedBytes;
}

const TOTAL = await countBytes();

/** Returns every `step`th number of bytes after the handshake, and every 61st within it. */
function everyByte(step: number): number[] {
  return Array.from({ length: TOTAL }, (_, index) => index + 1)
    .filter((count) => count % (count < HANDSHAKE.bytes ? HANDSHAKE.step : step) === 0);
}

Deno.test("a pusher loses nothing unacknowledged, after any last byte of the origin", async () => {
  for (const count of everyByte(3)) {
    const rig = new PushBreak(count, "breaks");
    await rig.run();
    rig.check();
  }
});

Deno.test("a pusher loses nothing unacknowledged, after any byte at which the origin freezes", async () => {
  for (const count of everyByte(23)) {
    const rig = new PushBreak(count, "freezes");
    await rig.run();
    rig.check();
  }
});

Deno.test("a pusher refuses the publisher when the origin breaks before it accepts and the other refuses", async () => {
  const refusal = { code: "NetStream.Publish.BadName", description: "taken" };
  const refused: boolean[] = [];
  for (const count of everyByte(7)) {
    const rig = new PushBreak(
      count,
      "breaks",
      ({ b }) => b.behaviour = { kind: "refuse", refusal },
    );
    await rig.run();
    refused.push(!rig.isServed);
    const codes = rig.refusals.map(({ code }) => code);
    assertEquals(codes, rig.isServed ? [] : [refusal.code], `after byte ${count}`);
  }
  const firstServed = refused.indexOf(false);
  assert(firstServed > 0, "both happen");
  assert(!refused.slice(firstServed).includes(true), "an accepted publisher was dropped");
});
