/**
 * Proves that a player got what was published: every audio and video frame once, in order, byte for
 * byte. The publisher records its frames in a {@linkcode FrameLedger}; a {@linkcode FrameCheck} per
 * player looks up what arrives.
 */

import { diffU32 } from "../base/u32.ts";
import { TagType } from "../media/flv_layout.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "../media/flv_tag.ts";

/** A message of a stream, as published or as played. */
export interface MediaMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** Whether the message is a picture or sound, and not metadata or a sequence header. */
export function isFrame(message: MediaMessage): boolean {
  if (message.typeId === TagType.audio) return classifyAudio(message.payload) === AudioKind.frame;
  if (message.typeId !== TagType.video) return false;
  const kind = classifyVideo(message.payload);
  return kind === VideoKind.frame || kind === VideoKind.keyframe;
}

/** Frames that are remembered: more than a minute of the sample. */
const MAX_REMEMBERED_FRAMES = 5000;

/** A published frame. */
interface LedgerEntry {
  /** 0 for the first frame published. */
  readonly index: number;
  readonly timestampMs: number;
}

/** The published frames, newest {@linkcode MAX_REMEMBERED_FRAMES} only. */
export class FrameLedger {
  /** By time and content: the sample repeats, so content alone names several frames. */
  readonly #indexByKey = new Map<string, number>();
  readonly #newestByContent = new Map<string, LedgerEntry>();
  #count = 0;

  /** Frames recorded since the start. */
  get count(): number {
    return this.#count;
  }

  /** Remembers a published message; those that are no frames are left out. */
  record(message: MediaMessage): void {
    if (!isFrame(message)) return;
    const { timestampMs } = message;
    const content = contentKey(message);
    this.#indexByKey.set(frameKey(content, timestampMs), this.#count);
    this.#newestByContent.set(content, { index: this.#count, timestampMs });
    this.#count++;
    if (this.#indexByKey.size > MAX_REMEMBERED_FRAMES) this.#forgetOldest();
  }

  /** Index of the frame with this content and published time. */
  indexOf(content: string, timestampMs: number): number | undefined {
    return this.#indexByKey.get(frameKey(content, timestampMs));
  }

  /** Published time of the newest frame with this content. */
  newestTimestampOf(content: string): number | undefined {
    return this.#newestByContent.get(content)?.timestampMs;
  }

  #forgetOldest(): void {
    for (const key of this.#indexByKey.keys()) {
      this.#indexByKey.delete(key);
      return;
    }
  }
}

/** What a {@linkcode FrameCheck} has found. */
export interface FrameCounts {
  /** Published frames received, each counted once. */
  readonly frames: number;
  /** Payload bytes of all messages received. */
  readonly bytes: number;
  /** Published frames left out, from the first received to the newest received. */
  readonly lost: number;
  /** Frames received again, or after a later one. */
  readonly doubled: number;
  /** Frames that nobody published: changed content or a wrong time. */
  readonly foreign: number;
}

/** Follows one player. Its frames count from the first that it gets, a joiner's starting point. */
export class FrameCheck {
  readonly #ledger: FrameLedger;
  readonly #counts = { frames: 0, bytes: 0, lost: 0, doubled: 0, foreign: 0 };
  /** What was added to the published time on the way; undefined until the first frame. */
  #shiftMs: number | undefined;
  #nextIndex: number | undefined;

  constructor(ledger: FrameLedger) {
    this.#ledger = ledger;
  }

  get counts(): FrameCounts {
    return { ...this.#counts };
  }

  /** Published frames that have not arrived yet, or all when none has arrived. */
  get pending(): number {
    return this.#ledger.count - (this.#nextIndex ?? 0);
  }

  /** Looks up a received message. The payload is not kept. */
  accept(message: MediaMessage): void {
    this.#counts.bytes += message.payload.length;
    if (isFrame(message)) this.#count(this.#indexOf(message));
  }

  #count(index: number | undefined): void {
    if (index === undefined) {
      this.#counts.foreign++;
      return;
    }
    const expected = this.#nextIndex ?? index;
    if (index < expected) {
      this.#counts.doubled++;
      return;
    }
    this.#counts.frames++;
    this.#counts.lost += index - expected;
    this.#nextIndex = index + 1;
  }

  #indexOf(message: MediaMessage): number | undefined {
    const content = contentKey(message);
    this.#shiftMs ??= this.#shiftOf(content, message.timestampMs);
    if (this.#shiftMs === undefined) return undefined;
    return this.#ledger.indexOf(content, diffU32(message.timestampMs, this.#shiftMs));
  }

  #shiftOf(content: string, timestampMs: number): number | undefined {
    const publishedMs = this.#ledger.newestTimestampOf(content);
    return publishedMs === undefined ? undefined : diffU32(timestampMs, publishedMs);
  }
}

function frameKey(content: string, timestampMs: number): string {
  return `${content}@${timestampMs}`;
}

/** Type, length and FNV-1a hash of a message. */
function contentKey({ typeId, payload }: MediaMessage): string {
  let hash = 0x811c9dc5;
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${typeId}/${payload.length}/${hash >>> 0}`;
}
