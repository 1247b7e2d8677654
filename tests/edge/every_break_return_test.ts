/**
 * A publisher's connection to an origin breaks, or falls silent, after any byte that it sends, and
 * the publisher returns: players stay, get all that arrived whole, and timestamps continue.
 */

import { concatBytes } from "../../lib/base/bytes.ts";
import { csidOf } from "../../lib/rtmp/encoded_messages.ts";
import { encodedMessageBytes, encodeMessage } from "../../lib/rtmp/chunk_encode.ts";
import { EXTENDED_TIMESTAMP } from "../../lib/rtmp/constants.ts";
import { encodeSetChunkSize } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { ByteLimit, prepareNext } from "../helpers/breaking_link.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";

const PORT = 1935;
const CHUNK_SIZE = 128;
/** Sent before the break, and by the restarted encoder. */
const BEFORE = new TinyEncode();
const AFTER = new TinyEncode({ video: "hevc", seed: 100 });
/** Headers grow by a timestamp on the way. */
const SENT = onClock(BEFORE.messages, EXTENDED_TIMESTAMP - 100);
const SENT_BYTES = concatBytes([
  encodeSetChunkSize(CHUNK_SIZE),
  ...SENT.map(({ typeId, timestampMs, payload }) =>
    encodeMessage({ csid: csidOf(typeId), typeId, msid: 1, timestampMs }, payload, CHUNK_SIZE)
  ),
]);

/** C0 C1 C2, whose bytes are all alike. */
const HANDSHAKE = { bytes: 1 + 1536 + 1536, step: 307 } as const;
const COMMAND_STEP = 11;
const MEDIA_STEP = 7;

/** How long the publisher is away. */
const AWAY_MS = 1_100;

/** A silent owner of the name is asked whether it is alive, and evicted within this time. */
const TAKEOVER_MS = 2_000;

/** An origin with a player, and a publisher that is lost. */
class ReturnBreak {
  readonly limit: ByteLimit;
  readonly #world = new MemoryWorld();
  readonly #where: string;
  #player: MemoryClient | null = null;

  constructor(maxBytes: number, how: "breaks" | "falls silent") {
    this.#where = `the publisher's connection ${how} after byte ${maxBytes}`;
    this.limit = new ByteLimit(maxBytes);
    this.#world.start(PORT);
    prepareNext(this.#world.network, PORT, () => {
      prepareNext(this.#world.network, PORT, ({ client }) => {
        this.limit.onReached = () => how === "breaks" && client.close();
        this.limit.ofWrites(client);
      });
    });
  }

  async start(): Promise<void> {
    this.#player = await this.#world.play(PORT);
    const publisher = await this.#world.publish(PORT);
    if (publisher.isStarted) publisher.send(SENT_BYTES.slice());
    await this.#world.advance(AWAY_MS);
  }

  /** The publisher returns, and sends what its encoder has. */
  async returnPublisher(): Promise<void> {
    const publisher = await this.#world.publish(PORT);
    await this.#world.advance(TAKEOVER_MS);
    this.#requireEqual([publisher.isStarted, publisher.refusal], [true, ""], "the return");
    publisher.push(...AFTER.messages);
    await this.#world.advance(40);
  }

  /** The player has `count` of the frames before the break, and all of those after it. */
  check(count: number): void {
    const { media, statuses, isEnded } = this.#player!;
    const frames = media.filter(isTinyFrame);
    this.#requireRun(frames.slice(0, count), BEFORE.frames.slice(0, count));
    this.#requireRun(frames.slice(count), AFTER.frames);
    if (count > 0) {
      const stepMs = frames[count]!.timestampMs - frames[count - 1]!.timestampMs;
      this.#require(stepMs > 0 && stepMs <= 100, `time leaps by ${stepMs} ms`);
    }
    const begin = media.indexOf(frames[count]!);
    this.#requireEqual(
      media.slice(begin - 3, begin).map(({ payload }) => payload),
      AFTER.headers.map(({ payload }) => payload),
      "headers",
    );
    this.#requireEqual(isEnded, false, "the player's end");
    this.#requireEqual(statuses.filter((code) => code.includes("npublish")), [], "statuses");
  }

  async stop(): Promise<void> {
    await this.#world.stop();
  }

  #requireRun(got: MemoryClient["media"], expected: TinyEncode["frames"]): void {
    const check = new StreamCheck(onClock(expected, got[0]?.timestampMs ?? 0));
    for (const frame of got) check.accept(frame);
    this.#require(check.mismatch === null, check.mismatch ?? "");
    this.#requireEqual(check.count, expected.length, "frames");
  }

  #require(isTrue: boolean, what: string): void {
    assert(isTrue, `${this.#where}: ${what}`);
  }

  #requireEqual<T>(actual: T, expected: T, what: string): void {
    assertEquals(actual, expected, `${this.#where}: ${what}`);
  }
}

/** Returns where the messages of the publisher end, from the end of its commands on. */
async function messageEnds(): Promise<number[]> {
  const rig = new ReturnBreak(Infinity, "breaks");
  await rig.start();
  await rig.stop();
  const sizes = SENT.map(({ payload, timestampMs }) =>
    encodedMessageBytes(payload.length, timestampMs, CHUNK_SIZE)
  );
  let end = rig.limit.passedBytes - sizes.reduce((sum, size) => sum + size, 0);
  return [end, ...sizes.map((size) => end += size)];
}

const ENDS = await messageEnds();

/**
 * Returns every end of a message, one byte before and after it, and bytes between, by the steps
 * above.
 */
function everyBoundary(): number[] {
  const near = new Set(ENDS.flatMap((end) => [end - 1, end, end + 1]));
  return Array.from({ length: ENDS.at(-1)! }, (_, index) => index + 1).filter((count) => {
    if (near.has(count)) return true;
    if (count < HANDSHAKE.bytes) return count % HANDSHAKE.step === 0;
    return count % (count < ENDS[0]! ? COMMAND_STEP : MEDIA_STEP) === 0;
  });
}

/** Returns the frames that are whole within the first `count` bytes. */
function framesWithin(count: number): number {
  const messages = ENDS.filter((end) => end <= count).length - 1;
  return Math.max(0, messages - BEFORE.headers.length);
}

for (const how of ["breaks", "falls silent"] as const) {
  Deno.test(`a publisher returns and players lose nothing that arrived whole, after any byte at which its connection ${how}`, async () => {
    for (const count of everyBoundary()) {
      const rig = new ReturnBreak(count, how);
      await rig.start();
      await rig.returnPublisher();
      rig.check(framesWithin(count));
      await rig.stop();
    }
  });
}
