import type { HlsConfig } from "../config/config.ts";
import { describeCodec } from "../media/codec_name.ts";
import type { AudioCodec, VideoCodec } from "../media/codecs.ts";
import { type FlvFrame, readAudio, readVideo } from "../media/flv_content.ts";
import { readFrameSize } from "../media/frame_size.ts";
import { isMetadata } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import { LongClock } from "./long_clock.ts";
import { type Packet, type Part, PART_MS } from "./part.ts";
import { targetSecondsOf } from "./playlist.ts";
import {
  type AudioTrack,
  audioTrack,
  audioTrackFromFrame,
  DEFAULT_SIZE,
  isSameTrack,
  type VideoTrack,
  videoTrack,
} from "./track.ts";

/** A finished segment. */
export interface Segment {
  /** The tracks it has packets of; at least one is not null. */
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /** In order of arrival. */
  readonly packets: readonly Packet[];
  readonly durationMs: number;
  /** Stream time since its first frame; longer than the segment if the stream paused. */
  readonly ageMs: number;
  /** Does not continue the segment before: another source, other tracks, or a gap. */
  readonly isDiscontinuity: boolean;
  /** Decodable without the segments before: its video starts with a keyframe. */
  readonly isIndependent: boolean;
}

/** Why frames of a codec are not in the segments. */
export type Omission = "unsupported" | "damaged header" | "no header" | "no keyframe";

/** Receives what a {@linkcode Segmenter} makes. */
interface SegmenterEvents {
  onSegment(segment: Segment): void;
  /** With low latency: before the segment that it is a part of. */
  onPart?(part: Part): void;
  /** Video with a new header begins: the tracks of the segments that follow, as far as known. */
  onTracks(tracks: Pick<Segment, "video" | "audio">): void;
  /** Segments lack a codec of the stream. Called once per codec. */
  onOmitted(codecName: string, reason: Omission): void;
  /** Keyframes are further apart than the target duration. Called once. */
  onLongGop(gopMs: number): void;
  /** There are no segments, because the stream's time does not advance. Called once. */
  onTimeStands(): void;
}

/** The configured rules for cutting. */
type CutRules =
  & Pick<
    HlsConfig,
    "fragmentMs" | "targetDurationRatio" | "audioOverflowRatio" | "waitKeyframe"
  >
  & {
    /** Whether a last segment is kept, however short it is. */
    readonly keepsRest?: boolean;
    /** Whether segments are reported in parts, too. */
    readonly isLowLatency?: boolean;
  };

/** Shortest segment under any rules. A last one below half of it is dropped, as SRS does. */
const MIN_SEGMENT_MS = 200;
const MIN_REST_MS = 100;

/** A keyframe that is so little early, times the due duration, ends a segment: cameras jitter. */
const EARLY = 0.05;

/** A segment ends at this size, because it is in memory until then. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

/** More frames than this per second do not exist: the stream's time stands still. */
const MAX_FRAMES_PER_SECOND = 1000;

/** A segment that would exceed the configured limit by more than this contains a pause. */
const PAUSE_MS = 1000;

/** Frames without a header before that is reported: a header may follow its first frames. */
const FRAMES_WITHOUT_HEADER = 25;

/** Frames before a keyframe, if none arrives: more than the GOP of most encoders. */
const FRAMES_WITHOUT_KEY = 300;

/** Assumed duration of the last frame of a stream. */
const FRAME_MS = 40;

/**
 * Cuts a stream into segments: messages in, segments out. The rules are those of SRS: a segment
 * ends at the first keyframe after `hls_fragment`, or just before it, and at any message if there
 * is no keyframe for `hls_aof_ratio` times as long.
 */
export class Segmenter {
  readonly #rules: CutRules;
  readonly #events: SegmenterEvents;
  readonly #clock = new LongClock();
  /** Names of codecs. */
  readonly #omitted = new Set<string>();
  #framesWithoutHeader = 0;
  #framesWithoutKey = 0;
  #video: VideoTrack | null = null;
  #audio: AudioTrack | null = null;
  /** Audio with another configuration, to start with the next segment. */
  #nextAudio: AudioTrack | null = null;
  #size = DEFAULT_SIZE;
  /** Whether the segment has a video frame to start with. */
  #isVideoStarted = false;
  #packets: Packet[] = [];
  /** Index of the first packet that is in no part yet, when its part began, and the tracks. */
  #partAt = 0;
  #partMs = 0;
  #partTracks: Pick<Segment, "video" | "audio"> = { video: null, audio: null };
  #bytes = 0;
  #newestMs = 0;
  /** Newest times per track, because containers want them to rise. */
  #videoMs = -Infinity;
  #videoPresentMs = -Infinity;
  #audioMs = -Infinity;
  /** Time of the newest keyframe. */
  #keyMs = -Infinity;
  #isLongGopReported = false;
  #isTimeReported = false;
  #isDiscontinuity = true;
  /** Tracks of the previous segment. */
  #last: Pick<Segment, "video" | "audio"> = { video: null, audio: null };

  constructor(rules: CutRules, events: SegmenterEvents) {
    this.#rules = rules;
    this.#events = events;
  }

  /** Takes a message of the stream. Views of `payload` are kept until its segment is muxed. */
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

  /** Ends the segment, because what follows does not continue it. Headers must come first again. */
  breakOff(): void {
    this.#end(this.#restMs());
    this.#video = null;
    this.#isVideoStarted = false;
    this.#audio = null;
    this.#size = DEFAULT_SIZE;
    this.#videoMs = this.#videoPresentMs = -Infinity;
    this.#audioMs = this.#keyMs = -Infinity;
    this.#framesWithoutHeader = 0;
    this.#isDiscontinuity = true;
  }

  #pushVideo(timestampMs: number, payload: Uint8Array): void {
    const content = readVideo(payload);
    if (content === null) return;
    const { codec } = content;
    if (codec === null || codec.hls === null) {
      return this.#omit(describeCodec(MessageType.VIDEO, payload), "unsupported");
    }
    if (content.type === "config") {
      const track = videoTrack(codec, content.body, this.#size);
      return track === null ? this.#omit(codec.name, "damaged header") : this.#setVideo(track);
    }
    if (codec !== this.#video?.codec) return this.#omitWithoutHeader(codec);
    this.#addVideo(this.#clock.at(timestampMs), content);
  }

  #pushAudio(timestampMs: number, payload: Uint8Array): void {
    const content = readAudio(payload);
    if (content === null) return;
    const { codec, body } = content;
    if (codec === null || codec.hls === null) {
      return this.#omit(describeCodec(MessageType.AUDIO, payload), "unsupported");
    }
    if (content.type === "config") {
      const track = audioTrack(codec, body);
      return track === null ? this.#omit(codec.name, "damaged header") : this.#setAudio(track);
    }
    if (codec !== this.#audio?.codec && codec !== this.#nextAudio?.codec) {
      if (codec.sequenceHeader === "required") return this.#omitWithoutHeader(codec);
      this.#setAudio(audioTrackFromFrame(codec, body));
    }
    this.#addAudio(this.#clock.at(timestampMs), content);
  }

  #setVideo(track: VideoTrack): void {
    if (isSameTrack(track, this.#video)) return;
    // The decoder needs a keyframe next, and a segment has one video configuration.
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
    // A segment has one audio configuration, and with video it starts at a keyframe.
    this.#nextAudio = track;
    if (this.#video === null) this.#end(this.#restMs());
  }

  #addVideo(decodeMs: number, { codec, isKey, compositionMs, body }: FlvFrame<VideoCodec>): void {
    if (!this.#isVideoStarted && !isKey && this.#rules.waitKeyframe) {
      if (++this.#framesWithoutKey >= FRAMES_WITHOUT_KEY) this.#omit(codec!.name, "no keyframe");
      return;
    }
    if (!this.#isVideoStarted) {
      // Parts without video are published already, with an init segment without video.
      if (this.#partAt > 0) this.#end(this.#restMs());
      // A first part that begins with audio alone may end too soon: its last frame does not fit.
      else if (this.#rules.isLowLatency) this.#packets = [];
      this.#events.onTracks({ video: this.#video, audio: this.#audio });
    }
    this.#isVideoStarted = true;
    this.#framesWithoutKey = 0;
    const timeMs = Math.max(decodeMs, this.#videoMs);
    const isOverdue = this.#isOverdue(timeMs);
    if (isKey || isOverdue) this.#checkGop(timeMs);
    if (isOverdue || this.#mayCutAt(timeMs, isKey)) this.#cut(timeMs);
    this.#checkPart(timeMs, timeMs - this.#videoMs);
    if (isKey) this.#keyMs = timeMs;
    // Publishers may stamp it otherwise, but a GOP never starts before the previous one ends.
    const earliestMs = isKey ? this.#videoPresentMs : -Infinity;
    const presentMs = Math.max(timeMs + compositionMs, earliestMs);
    this.#videoMs = timeMs;
    this.#videoPresentMs = Math.max(this.#videoPresentMs, presentMs);
    this.#add({ isVideo: true, isKey, decodeMs: timeMs, presentMs, data: body });
  }

  #addAudio(decodeMs: number, { codec, body }: FlvFrame<AudioCodec>): void {
    const timeMs = Math.max(decodeMs, this.#audioMs);
    if (this.#isOverdue(timeMs)) this.#cut(timeMs);
    const isPlayable = codec === this.#audio?.codec && this.#nextAudio === null;
    if (!isPlayable || body.length === 0) return;
    if (!this.#isVideoStarted) this.#checkPart(timeMs, timeMs - this.#audioMs);
    this.#audioMs = timeMs;
    this.#add({ isVideo: false, isKey: true, decodeMs: timeMs, presentMs: timeMs, data: body });
  }

  #add(packet: Packet): void {
    this.#packets.push(packet);
    this.#bytes += packet.data.length;
    this.#newestMs = Math.max(this.#newestMs, packet.decodeMs);
  }

  /** Ends the part before the frame at `timeMs` if it would be too long with that frame. */
  #checkPart(timeMs: number, frameMs: number): void {
    if (!this.#rules.isLowLatency || this.#packets.length === this.#partAt) return;
    // Infinite before the first frame of a track, which must not cut audio off from its video.
    const nextMs = frameMs > PART_MS ? 0 : frameMs;
    if (timeMs - this.#partStartMs + nextMs > PART_MS) this.#endPart(timeMs, false);
  }

  #endPart(endMs: number, isLast: boolean): void {
    const isFirst = this.#partAt === 0;
    const packets = this.#packets.slice(this.#partAt);
    const startMs = this.#partStartMs;
    if (isFirst) this.#partTracks = this.#tracksOf(packets);
    this.#partAt = this.#packets.length;
    this.#partMs = endMs;
    this.#events.onPart?.({
      ...this.#partTracks,
      packets,
      durationMs: endMs - startMs,
      endMs,
      isFirst,
      isLast,
      isDiscontinuity: this.#isDiscontinuity || this.#isOther(this.#partTracks),
      isIndependent: packets.find(({ isVideo, isKey }) => isVideo && isKey) !== undefined ||
        this.#partTracks.video === null,
    });
  }

  get #partStartMs(): number {
    return this.#partAt === 0 ? this.#packets[0]?.decodeMs ?? 0 : this.#partMs;
  }

  #tracksOf(packets: readonly Packet[]): Pick<Segment, "video" | "audio"> {
    return {
      video: packets.some(({ isVideo }) => isVideo) ? this.#video : null,
      audio: packets.some(({ isVideo }) => !isVideo) ? this.#audio : null,
    };
  }

  /** Whether these are other tracks than those of the previous segment. */
  #isOther({ video, audio }: Pick<Segment, "video" | "audio">): boolean {
    return !isSameTrack(video, this.#last.video) || !isSameTrack(audio, this.#last.audio);
  }

  /** Whether the next segment may start at this frame, and it is time for it. */
  #mayCutAt(timeMs: number, isKey: boolean): boolean {
    const { fragmentMs, targetDurationRatio, waitKeyframe } = this.#rules;
    if (isKey && this.#nextAudio !== null) return true;
    const dueMs = Math.max(MIN_SEGMENT_MS, fragmentMs * targetDurationRatio);
    const earlyMs = isKey ? Math.min(dueMs * EARLY, (timeMs - this.#keyMs) / 2) : 0;
    return (isKey || !waitKeyframe) && this.#elapsedMs(timeMs) >= dueMs - earlyMs;
  }

  /** Whether the segment can no longer wait for a keyframe. */
  #isOverdue(timeMs: number): boolean {
    return this.#elapsedMs(timeMs) >= this.#longestMs || this.#bytes > MAX_SEGMENT_BYTES ||
      this.#isTimeStanding(timeMs);
  }

  /** Longest segment that the rules permit. */
  get #longestMs(): number {
    const { fragmentMs, audioOverflowRatio } = this.#rules;
    return Math.max(MIN_SEGMENT_MS, fragmentMs * audioOverflowRatio);
  }

  #isTimeStanding(timeMs: number): boolean {
    const seconds = Math.max(1, this.#elapsedMs(timeMs) / 1000);
    if (this.#packets.length < seconds * MAX_FRAMES_PER_SECOND) return false;
    if (!this.#isTimeReported) this.#events.onTimeStands();
    this.#isTimeReported = true;
    return true;
  }

  #checkGop(timeMs: number): void {
    const gopMs = timeMs - this.#keyMs;
    const isLong = gopMs < Infinity && Math.round(gopMs / 1000) > targetSecondsOf(this.#rules);
    if (!isLong || !this.#rules.waitKeyframe || this.#isLongGopReported) return;
    this.#isLongGopReported = true;
    this.#events.onLongGop(gopMs);
  }

  #elapsedMs(timeMs: number): number {
    return timeMs - (this.#packets[0]?.decodeMs ?? timeMs);
  }

  /** Ends the segment before the frame at `timeMs`. */
  #cut(timeMs: number): void {
    const elapsedMs = this.#elapsedMs(timeMs);
    const longestMs = this.#longestMs;
    if (elapsedMs < longestMs + PAUSE_MS) return this.#end(elapsedMs);
    // The stream paused. Claim no more than its frames last, but keep a frame that stands alone.
    const lastsMs = this.#packets.length === 1 ? longestMs : this.#restMs();
    this.#end(Math.min(lastsMs, longestMs), elapsedMs);
    this.#keyMs = -Infinity;
    this.#isDiscontinuity = true;
  }

  /** Duration of a segment that no frame follows. The last one must not make a part too long. */
  #restMs(): number {
    const leftMs = PART_MS - (this.#newestMs - this.#partStartMs);
    const isLimited = this.#rules.isLowLatency === true && leftMs > 0;
    return this.#elapsedMs(this.#newestMs) + (isLimited ? Math.min(FRAME_MS, leftMs) : FRAME_MS);
  }

  #end(durationMs: number, ageMs = durationMs): void {
    const packets = this.#packets;
    const isKept = durationMs >= MIN_REST_MS || this.#rules.keepsRest === true;
    const isEmitted = isKept && packets.length > 0;
    if (isEmitted && this.#rules.isLowLatency && packets.length > this.#partAt) {
      this.#endPart(packets[0]!.decodeMs + durationMs, true);
    }
    this.#packets = [];
    this.#partAt = 0;
    this.#bytes = 0;
    this.#newestMs = 0;
    if (isEmitted) this.#emit(packets, durationMs, ageMs);
    else if (packets.length > 0) this.#isDiscontinuity = true;
    this.#audio = this.#nextAudio ?? this.#audio;
    this.#nextAudio = null;
  }

  #emit(packets: readonly Packet[], durationMs: number, ageMs: number): void {
    const tracks = this.#rules.isLowLatency ? this.#partTracks : this.#tracksOf(packets);
    const { video, audio } = tracks;
    const isDiscontinuity = this.#isDiscontinuity || this.#isOther(tracks);
    const isIndependent = packets.find(({ isVideo }) => isVideo)?.isKey ?? true;
    this.#last = { video, audio };
    this.#isDiscontinuity = false;
    const times = { durationMs, ageMs };
    this.#events.onSegment({ video, audio, packets, ...times, isDiscontinuity, isIndependent });
  }

  #omitWithoutHeader({ name }: VideoCodec | AudioCodec): void {
    if (++this.#framesWithoutHeader >= FRAMES_WITHOUT_HEADER) this.#omit(name, "no header");
  }

  #omit(codecName: string, reason: Omission): void {
    if (this.#omitted.has(codecName)) return;
    this.#omitted.add(codecName);
    this.#events.onOmitted(codecName, reason);
  }
}
