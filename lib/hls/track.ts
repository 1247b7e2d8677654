/** The tracks of a segment, with what a muxer must know about their codecs. */

import type {
  AudioCodec,
  AudioMuxerName,
  Container,
  HlsSupport,
  VideoCodec,
  VideoMuxerName,
} from "../media/codecs.ts";
import type { AudioFormat } from "../media/audio_format.ts";
import type { FrameSize } from "../media/frame_size.ts";
import { isAdtsConfig, readAvcSetup } from "./elementary.ts";

/** The video of a segment. */
export interface VideoTrack {
  readonly codec: VideoCodec;
  readonly hls: HlsSupport<VideoMuxerName>;
  /** Decoder configuration; empty if the codec needs none. */
  readonly config: Uint8Array<ArrayBuffer>;
  /** As the metadata states it. A hint: players read the real size from the frames. */
  readonly size: FrameSize;
}

/** The audio of a segment. */
export interface AudioTrack extends AudioFormat {
  readonly codec: AudioCodec;
  readonly hls: HlsSupport<AudioMuxerName>;
  /** Decoder configuration; empty if the codec needs none. */
  readonly config: Uint8Array<ArrayBuffer>;
}

/** Size of video without metadata. */
export const DEFAULT_SIZE: FrameSize = { width: 1920, height: 1080 };

const NO_BYTES = new Uint8Array(0);

/** Returns the container that holds these tracks: a transport stream if both fit. */
export function containerFor(video: VideoTrack | null, audio: AudioTrack | null): Container {
  const isTs = (video === null || video.hls.container === "mpegts") &&
    (audio === null || isInTransportStream(audio));
  return isTs ? "mpegts" : "cmaf";
}

function isInTransportStream({ hls, config }: AudioTrack): boolean {
  return hls.container === "mpegts" && (hls.muxerName !== "aac" || isAdtsConfig(config));
}

/** Whether a decoder of one track can continue with the other. */
export function isSameTrack(
  one: VideoTrack | AudioTrack | null,
  other: VideoTrack | AudioTrack | null,
): boolean {
  if (one === null || other === null) return one === other;
  return one.codec === other.codec && one.config.length === other.config.length &&
    one.config.every((byte, index) => byte === other.config[index]);
}

/**
 * Makes a video track; `config` is copied. Returns null if no segment holds the codec or the
 * configuration is damaged.
 */
export function videoTrack(
  codec: VideoCodec,
  config: Uint8Array,
  size: FrameSize,
): VideoTrack | null {
  const copy = copyConfig(codec, config);
  if (codec.hls === null || copy === null) return null;
  if (codec.hls.muxerName === "avc" && readAvcSetup(copy) === null) return null;
  return { codec, hls: codec.hls, config: copy, size };
}

/**
 * Makes an audio track from a decoder configuration, which is copied. Returns null if no segment
 * holds the codec or the configuration is damaged.
 */
export function audioTrack(codec: AudioCodec, config: Uint8Array): AudioTrack | null {
  const copy = copyConfig(codec, config);
  const format = copy && codec.readFormat(copy);
  if (codec.hls === null || copy === null || format === null) return null;
  return { codec, hls: codec.hls, config: copy, ...format };
}

/** Makes an audio track without configuration from its first frame; null if that is damaged. */
export function audioTrackFromFrame(codec: AudioCodec, frame: Uint8Array): AudioTrack | null {
  const track = audioTrack(codec, NO_BYTES);
  if (track === null || codec.readFrameFormat === null) return track;
  const format = codec.readFrameFormat(frame);
  return format === null ? null : { ...track, ...format };
}

/**
 * Returns a copy of the configuration if it is valid. Without one: no bytes, or null if the codec
 * requires one.
 */
function copyConfig(
  { sequenceHeader, minConfigBytes }: VideoCodec | AudioCodec,
  config: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  const isUsable = sequenceHeader !== "none" && config.length >= minConfigBytes;
  if (isUsable) return config.slice();
  return sequenceHeader === "required" ? null : NO_BYTES;
}
