import { MessageType } from "../rtmp/constants.ts";
import type { Track } from "./timeline.ts";

/** A track without frames for this long is silent. Only time in which the other advances counts. */
const SILENT_AFTER_MS = 5_000;

/** A sparse track, such as slides, may be without frames for this many of its gaps. */
const SPARSE_GAPS = 2;

/** What remains of the longest gap per frame, so that one long break is soon forgotten. */
const GAP_DECAY = 0.75;

/** The most that a step of the other track counts: longer ones are stalls of the whole source. */
const MAX_STEP_MS = 1_000;

/**
 * What is known of a track: nothing of it arrived from this source yet, it is live, or it is silent
 * although the other track advances.
 */
export type TrackState = "expected" | "live" | "silent";

/** How a frame changed a track: its own returned, or the other one is silent now. */
export type TrackChange = "none" | "returned" | "other silent";

interface TrackLife {
  state: TrackState;
  /** How far the other track advanced since the newest frame, in ms. */
  silentMs: number;
  /** Recent longest time without a frame, in ms. */
  gapMs: number;
}

/**
 * Knows which tracks a source sends now, so that joiners are promised these only. Players such as
 * mpegts.js and ffprobe wait for every track they are promised.
 *
 * ```
 *            header, frame             silent
 *  expected ───────────────▶ live ────────────────▶ silent
 *     │                       ▲                       │ ▲
 *     │                       └──────── frame ────────┘ │
 *     └──────────────────── silent ─────────────────────┘
 * ```
 *
 * At most one track is silent: one of the two advances.
 */
export class LiveTracks {
  #audio = createTrackLife();
  #video = createTrackLife();
  #arrivalMs = 0;

  /** Expects both tracks of a new source. */
  begin(): void {
    this.#audio = createTrackLife();
    this.#video = createTrackLife();
  }

  /** Returns the state of `track`. */
  stateOf(track: Track): TrackState {
    return this.#lifeOf(track).state;
  }

  /** Notes a header: a first one announces its track, but revives none. */
  noteHeader(track: Track): void {
    const life = this.#lifeOf(track);
    if (life.state === "expected") life.state = "live";
  }

  /**
   * Notes a frame.
   *
   * @param arrivalMs When it arrived, in ms of any monotonic clock.
   */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  noteFrame(track: Track, arrivalMs: number): TrackChange {
    const life = this.#lifeOf(track);
    const other = this.#lifeOf(track === "audio" ? "video" : "audio");
    const wasSilent = life.state === "silent";
    life.gapMs = Math.max(life.silentMs, life.gapMs * GAP_DECAY);
    life.silentMs = 0;
    life.state = "live";
    other.silentMs += Math.max(0, Math.min(arrivalMs - this.#arrivalMs, MAX_STEP_MS));
    this.#arrivalMs = arrivalMs;
    if (wasSilent) return "returned";
    if (other.state === "silent" || other.silentMs < limitOf(other)) return "none";
    other.state = "silent";
    return "other silent";
  }

  #lifeOf(track: Track): TrackLife {
    return track === "audio" ? this.#audio : this.#video;
  }
}

function createTrackLife(): TrackLife {
  return { state: "expected", silentMs: 0, gapMs: 0 };
}

function limitOf({ gapMs }: TrackLife): number {
  return Math.max(SILENT_AFTER_MS, SPARSE_GAPS * gapMs);
}

/** Returns the track of an audio or video message. */
export function trackOf(typeId: number): Track {
  return typeId === MessageType.VIDEO ? "video" : "audio";
}
