/**
 * Cuts a stream into segments: messages in, segments out. The rules are those of SRS: a segment ends at
 * the first keyframe from `hls_fragment` on, and at whatever comes when there is no keyframe for
 * `hls_aof_ratio` times as long.
 */

import { diffU32 } from "../base/u32.ts";
import type { HlsConfig } from "../config/config.ts";
import { describeCodec } from "../media/codec_name.ts";
import type { AudioCodec, VideoCodec } from "../media/codecs.ts";
import { type FlvFrame, readAudio, readVideo } from "../media/flv_content.ts";
import { readFrameSize } from "../media/frame_size.ts";
import { isMetadata } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import {
  type AudioTrack,
  audioTrack,
  audioTrackFromFrame,
  DEFAULT_SIZE,
  isSameTrack,
  type VideoTrack,
  videoTrack,
} from "./track.ts";

/** A coded picture or sound with its times on a clock that never wraps, in ms. */
export interface Packet {
  readonly isVideo: boolean;
  readonly isKey: boolean;
  readonly decodeMs: number;
  readonly presentMs: number;
  /** A view of the log; whole and unchanged. */
  readonly data: Uint8Array;
}

/** A finished segment. */
export interface Segment {
  /** Tracks of which it has packets; at least one. */
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /** In the order in which they came. */
  readonly packets: readonly Packet[];
  readonly durationMs: number;
  /** It does not continue the one before: another source, other tracks, or something lost between. */
  readonly isDiscontinuity: boolean;
}

/** Who gets the segments. */
export interface SegmenterEvents {
  onSegment(segment: Segment): void;
  /** The stream has a codec that no segment holds; once per codec. */
  onUnsupported(codecName: string): void;
}

/** Rules of cutting, as configured. */
export type CutRules = Pick<
  HlsConfig,
  "fragmentMs" | "targetDurationRatio" | "audioOverflowRatio" | "waitKeyframe"
>;

/** No segment is shorter, whatever the rules say; a rest below the half of it is dropped, as SRS does. */
const MIN_SEGMENT_MS = 200;
const MIN_REST_MS = 100;

/** When time stands still, size must end a segment: it is kept in memory until then. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

/** Duration of the last frame when there is only one. */
const FRAME_MS = 40;

/** See the file comment. */
export class Segmenter {
  readonly #rules: CutRules;
  readonly #events: SegmenterEvents;
  readonly #clock = new LongClock();
  readonly #unsupported = new Set<string>();
  #video: VideoTrack | null = null;
  #audio: AudioTrack | null = null;
  /** Sound of another kind: it begins with the next segment. */
  #nextAudio: AudioTrack | null = null;
  #size = DEFAULT_SIZE;
  /** There was a picture to begin with. */
  #isVideoStarted = false;
  #packets: Packet[] = [];
  #bytes = 0;
  #newestMs = 0;
  /** Newest times per track; a container wants them to rise. */
  #videoMs = -Infinity;
  #videoPresentMs = -Infinity;
  #audioMs = -Infinity;
  #isDiscontinuity = true;
  /** Tracks of the segment before. */
  #last: Pick<Segment, "video" | "audio"> = { video: null, audio: null };

  constructor(rules: CutRules, events: SegmenterEvents) {
    this.#rules = rules;
    this.#events = events;
  }

  /** Takes a message of the stream. `payload` is kept until its segment is no longer needed. */
  // HOT: once per message of a stream with HLS.
  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    switch (typeId) {
      case MessageType.VIDEO:
        return this.#pushVideo(timestampMs, payload);
      case MessageType.AUDIO:
        return this.#pushAudio(timestampMs, payload);
      case MessageType.DATA_AMF0:
        if (isMetadata(payload)) this.#size = readFrameSize(payload) ?? this.#size;
    }
  }

  /** What follows does not continue what was: ends the segment. Headers come again first. */
  breakOff(): void {
    this.#end(this.#restMs());
    this.#video = null;
    this.#isVideoStarted = false;
    this.#audio = null;
    this.#size = DEFAULT_SIZE;
    this.#videoMs = this.#videoPresentMs = this.#audioMs = -Infinity;
    this.#isDiscontinuity = true;
  }

  #pushVideo(timestampMs: number, payload: Uint8Array): void {
    const content = readVideo(payload);
    if (content === null) return;
    const { codec } = content;
    if (codec === null || codec.hls === null) {
      return this.#reportUnsupported(MessageType.VIDEO, payload);
    }
    if (content.type === "config") {
      return this.#setVideo(videoTrack(codec, content.body, this.#size));
    }
    if (codec === this.#video?.codec) this.#addVideo(this.#clock.at(timestampMs), content);
  }

  #pushAudio(timestampMs: number, payload: Uint8Array): void {
    const content = readAudio(payload);
    if (content === null) return;
    const { codec, body } = content;
    if (codec === null || codec.hls === null) {
      return this.#reportUnsupported(MessageType.AUDIO, payload);
    }
    if (content.type === "config") return this.#setAudio(audioTrack(codec, body));
    if (codec !== this.#audio?.codec && codec.sequenceHeader !== "required") {
      this.#setAudio(audioTrackFromFrame(codec, body));
    }
    this.#addAudio(this.#clock.at(timestampMs), content);
  }

  #setVideo(track: VideoTrack | null): void {
    if (track === null || isSameTrack(track, this.#video)) return;
    // Decoders can only go on with a keyframe, and a segment has one kind of picture.
    if (this.#isVideoStarted) this.#end(this.#restMs());
    this.#video = track;
    this.#isVideoStarted = false;
  }

  #setAudio(track: AudioTrack | null): void {
    if (track === null || isSameTrack(track, this.#nextAudio ?? this.#audio)) return;
    if (this.#audio === null) {
      this.#audio = track;
      return;
    }
    // A segment has one kind of sound, and with pictures it begins at a keyframe.
    this.#nextAudio = track;
    if (this.#video === null) this.#end(this.#restMs());
  }

  #addVideo(decodeMs: number, { isKey, compositionMs, body }: FlvFrame<VideoCodec>): void {
    if (!this.#isVideoStarted && !isKey && this.#rules.waitKeyframe) return;
    this.#isVideoStarted = true;
    const timeMs = Math.max(decodeMs, this.#videoMs);
    if (this.#isOverdue(timeMs) || this.#mayCutAt(timeMs, isKey)) {
      this.#end(this.#elapsedMs(timeMs));
    }
    // Whatever a publisher writes: a GOP does not begin before the end of the one before.
    const earliestMs = isKey ? this.#videoPresentMs : -Infinity;
    const presentMs = Math.max(timeMs + compositionMs, earliestMs);
    this.#videoMs = timeMs;
    this.#videoPresentMs = Math.max(this.#videoPresentMs, presentMs);
    this.#add({ isVideo: true, isKey, decodeMs: timeMs, presentMs, data: body });
  }

  #addAudio(decodeMs: number, { codec, body }: FlvFrame<AudioCodec>): void {
    const timeMs = Math.max(decodeMs, this.#audioMs);
    if (this.#isOverdue(timeMs)) this.#end(this.#elapsedMs(timeMs));
    const isPlayable = codec === this.#audio?.codec && this.#nextAudio === null;
    if (!isPlayable || body.length === 0) return;
    this.#audioMs = timeMs;
    this.#add({ isVideo: false, isKey: true, decodeMs: timeMs, presentMs: timeMs, data: body });
  }

  #add(packet: Packet): void {
    this.#packets.push(packet);
    this.#bytes += packet.data.length;
    this.#newestMs = Math.max(this.#newestMs, packet.decodeMs);
  }

  /** A place where the next segment may begin, and it is time. */
  #mayCutAt(timeMs: number, isKey: boolean): boolean {
    const { fragmentMs, targetDurationRatio, waitKeyframe } = this.#rules;
    if (isKey && this.#nextAudio !== null) return true;
    const dueMs = Math.max(MIN_SEGMENT_MS, fragmentMs * targetDurationRatio);
    return (isKey || !waitKeyframe) && this.#elapsedMs(timeMs) >= dueMs;
  }

  /** The segment cannot wait for a keyframe any longer. */
  #isOverdue(timeMs: number): boolean {
    const { fragmentMs, audioOverflowRatio } = this.#rules;
    const dueMs = Math.max(MIN_SEGMENT_MS, fragmentMs * audioOverflowRatio);
    return this.#elapsedMs(timeMs) >= dueMs || this.#bytes > MAX_SEGMENT_BYTES;
  }

  #elapsedMs(timeMs: number): number {
    return timeMs - (this.#packets[0]?.decodeMs ?? timeMs);
  }

  /** Duration of a segment that nothing follows. */
  #restMs(): number {
    return this.#elapsedMs(this.#newestMs) + FRAME_MS;
  }

  #end(durationMs: number): void {
    const packets = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    this.#newestMs = 0;
    if (durationMs >= MIN_REST_MS && packets.length > 0) this.#emit(packets, durationMs);
    else if (packets.length > 0) this.#isDiscontinuity = true;
    this.#audio = this.#nextAudio ?? this.#audio;
    this.#nextAudio = null;
  }

  #emit(packets: readonly Packet[], durationMs: number): void {
    const video = packets.some(({ isVideo }) => isVideo) ? this.#video : null;
    const audio = packets.some(({ isVideo }) => !isVideo) ? this.#audio : null;
    const isOther = !isSameTrack(video, this.#last.video) || !isSameTrack(audio, this.#last.audio);
    const isDiscontinuity = this.#isDiscontinuity || isOther;
    this.#last = { video, audio };
    this.#isDiscontinuity = false;
    this.#events.onSegment({ video, audio, packets, durationMs, isDiscontinuity });
  }

  #reportUnsupported(typeId: number, payload: Uint8Array): void {
    const name = describeCodec(typeId, payload);
    if (this.#unsupported.has(name)) return;
    this.#unsupported.add(name);
    this.#events.onUnsupported(name);
  }
}

/** Makes times that wrap into times that do not. */
class LongClock {
  #lastU32 = 0;
  #longMs = 0;

  at(timestampMs: number): number {
    this.#longMs += diffU32(timestampMs, this.#lastU32);
    this.#lastU32 = timestampMs;
    return this.#longMs;
  }
}
