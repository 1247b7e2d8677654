import { diffU32 } from "../base/u32.ts";
import { TagType } from "../media/flv_layout.ts";
import { AudioKind, classifyAudio, classifyVideo, VideoKind } from "../media/flv_tag.ts";

/** A message of a stream, as published or played. */
export interface MediaMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** Whether the message is a video or audio frame, not metadata or a sequence header. */
export function isFrame(message: MediaMessage): boolean {
  if (message.typeId === TagType.audio) return classifyAudio(message.payload) === AudioKind.frame;
  if (message.typeId !== TagType.video) return false;
  const kind = classifyVideo(message.payload);
  return kind === VideoKind.frame || kind === VideoKind.keyframe;
}

/** Frames that are kept: more than a minute of the sample. */
const MAX_KEPT_FRAMES = 5000;

/** A published frame. */
interface LedgerEntry {
  /** 0 for the first frame published. */
  readonly index: number;
  readonly timestampMs: number;
}

/** The newest published frames. {@linkcode FrameCheck} compares what players receive with them. */
export class FrameLedger {
  /** By time and content: the sample repeats, so content alone is ambiguous. */
  readonly #indexByKey = new Map<string, number>();
  readonly #newestByContent = new Map<string, LedgerEntry>();
  #count = 0;

  /** Frames recorded since the start. */
  get count(): number {
    return this.#count;
  }

  /** Records a published message. Ignores all but frames. */
  record(message: MediaMessage): void {
    if (!isFrame(message)) return;
    const { timestampMs } = message;
    const content = contentKey(message);
    this.#indexByKey.set(frameKey(content, timestampMs), this.#count);
    this.#newestByContent.set(content, { index: this.#count, timestampMs });
    this.#count++;
    if (this.#indexByKey.size > MAX_KEPT_FRAMES) this.#forgetOldest();
  }

  /** Returns the index of the frame with this content and published time. */
  indexOf(content: string, timestampMs: number): number | undefined {
    return this.#indexByKey.get(frameKey(content, timestampMs));
  }

  /** Returns the published time of the newest frame with this content. */
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

/** The findings of a {@linkcode FrameCheck}. */
interface FrameCounts {
  /** Published frames received, each counted once. */
  readonly frames: number;
  /** Payload bytes of all messages received. */
  readonly bytes: number;
  /** Published frames that are missing between the first and the newest received. */
  readonly lost: number;
  /** Frames received again, or after a later one. */
  readonly duplicated: number;
  /** Frames that were not published: changed content or a wrong time. */
  readonly foreign: number;
}

/**
 * Checks that one player receives what was published from its first frame on: every audio and video
 * frame once, in order, byte for byte.
 */
export class FrameCheck {
  readonly #ledger: FrameLedger;
  readonly #counts = { frames: 0, bytes: 0, lost: 0, duplicated: 0, foreign: 0 };
  /** What the servers added to the published time; undefined until the first frame. */
  #shiftMs: number | undefined;
  #nextIndex: number | undefined;

  constructor(ledger: FrameLedger) {
    this.#ledger = ledger;
  }

  get counts(): FrameCounts {
    return { ...this.#counts };
  }

  /** Published frames that have not arrived; all until the first one has. */
  get pending(): number {
    return this.#ledger.count - (this.#nextIndex ?? 0);
  }

  /** Checks a received message. Does not keep the payload. */
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
      this.#counts.duplicated++;
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

/** Returns type, length and FNV-1a hash of a message. */
function contentKey({ typeId, payload }: MediaMessage): string {
  let hash = 0x811c9dc5;
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${typeId}/${payload.length}/${hash >>> 0}`;
}
