/**
 * Packs a segment with mediabunny: one output for each segment. Its own HLS output is of no use here: it
 * writes neither discontinuities nor a playlist that continues one from before a restart, and it cuts
 * where a segment would not exceed its target, not where SRS does.
 */

import {
  BufferTarget,
  CmafOutputFormat,
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Logging,
  LogLevel,
  MpegTsOutputFormat,
  Output,
} from "mediabunny";
import type { Packet, Segment } from "./segmenter.ts";
import { type AudioTrack, containerFor, type VideoTrack } from "./track.ts";
import { correctPictures } from "./ts_packets.ts";

// It would print what a publisher's damaged header makes it stumble over, once for every segment.
Logging.level = LogLevel.Silent;

/** The bytes of a segment. */
export interface MuxedSegment {
  readonly media: Uint8Array;
  /** Init segment that players need before it; null for transport streams. */
  readonly init: Uint8Array | null;
}

/** Lets others have their turn. */
type Pause = () => Promise<void>;

/** Packets between two pauses: some take 0.1 ms each. */
const PACKETS_PER_SLICE = 16;

/** A segment of CMAF is packed GOP by GOP rather than all at its end, unless GOPs are shorter than this. */
const FRAGMENT_SECONDS = 1;

/**
 * Packs `segment`. Calls `pause` every few packets, so that others get their turn.
 *
 * @throws when the packets are not what their codec says
 */
export async function muxSegment(segment: Segment, pause: Pause): Promise<MuxedSegment> {
  return containerFor(segment.video, segment.audio) === "mpegts"
    ? { media: await muxTransportStream(segment, pause), init: null }
    : await muxCmaf(segment, pause);
}

async function muxTransportStream(segment: Segment, pause: Pause): Promise<Uint8Array> {
  const target = new BufferTarget();
  await fill(new Output({ format: new MpegTsOutputFormat(), target }), segment, pause);
  await pause();
  const bytes = new Uint8Array(target.buffer!);
  correctPictures(bytes, segment.packets.filter(({ isVideo }) => isVideo));
  return bytes;
}

async function muxCmaf(segment: Segment, pause: Pause): Promise<MuxedSegment> {
  const [target, initTarget] = [new BufferTarget(), new BufferTarget()];
  const format = new CmafOutputFormat({ minimumFragmentDuration: FRAGMENT_SECONDS });
  await fill(new Output({ format, target, initTarget }), segment, pause);
  return { media: new Uint8Array(target.buffer!), init: new Uint8Array(initTarget.buffer!) };
}

async function fill(output: Output, segment: Segment, pause: Pause): Promise<void> {
  try {
    const tracks = new TrackSources(output, segment);
    await output.start();
    await addPackets(tracks, segment.packets, pause);
    await output.finalize();
  } catch (error) {
    await output.cancel();
    throw error;
  }
}

/** The first picture and the first sound come first, so that tracks have the same ids in all segments. */
async function addPackets(
  tracks: TrackSources,
  packets: readonly Packet[],
  pause: Pause,
): Promise<void> {
  const heads = [true, false].flatMap((isVideo) =>
    packets.find((packet) => packet.isVideo === isVideo) ?? []
  );
  for (const head of heads) await tracks.add(head);
  let count = 0;
  for (const packet of packets) {
    if (heads.includes(packet)) continue;
    await tracks.add(packet);
    if (++count % PACKETS_PER_SLICE === 0) await pause();
  }
}

/** The two tracks of an output. */
class TrackSources {
  readonly #video: VideoSource | null;
  readonly #audio: AudioSource | null;

  constructor(output: Output, { video, audio, packets, durationMs }: Segment) {
    const durations = new Durations(packets, durationMs);
    this.#video = video && new VideoSource(output, video, durations);
    this.#audio = audio && new AudioSource(output, audio, durations);
  }

  add(packet: Packet): Promise<void> {
    return packet.isVideo ? this.#video!.add(packet) : this.#audio!.add(packet);
  }
}

class VideoSource {
  readonly #source: EncodedVideoPacketSource;
  readonly #config: VideoDecoderConfig;
  readonly #durations: Durations;
  readonly #isTs: boolean;
  #newestMs = -Infinity;

  constructor(output: Output, track: VideoTrack, durations: Durations) {
    this.#source = new EncodedVideoPacketSource(track.hls.muxerName);
    this.#config = {
      codec: track.hls.codecString(track.config),
      codedWidth: track.size.width,
      codedHeight: track.size.height,
      ...(track.config.length > 0 ? { description: track.config } : {}),
    };
    this.#durations = durations;
    this.#isTs = output.format instanceof MpegTsOutputFormat;
    output.addVideoTrack(this.#source);
  }

  async add(packet: Packet): Promise<void> {
    const type = this.#typeOf(packet);
    const encoded = encode(packet, type, this.#durations.of(packet));
    await this.#source.add(encoded, { decoderConfig: this.#config });
  }

  /**
   * A segment that could not wait for a keyframe begins with another picture; muxers insist on one. In a
   * transport stream every picture but B-frames passes for one: mediabunny packs the pictures before a
   * keyframe all at once, and whole GOPs would hold up everybody for tens of milliseconds. `correctPictures`
   * takes the mark off again; what remains is that parameter sets are repeated.
   */
  #typeOf({ isKey, presentMs }: Packet): "key" | "delta" {
    const isFirst = this.#newestMs === -Infinity;
    const isInOrder = presentMs >= this.#newestMs;
    this.#newestMs = Math.max(this.#newestMs, presentMs);
    return isKey || isFirst || this.#isTs && isInOrder ? "key" : "delta";
  }
}

class AudioSource {
  readonly #source: EncodedAudioPacketSource;
  readonly #config: AudioDecoderConfig;
  readonly #durations: Durations;

  constructor(output: Output, track: AudioTrack, durations: Durations) {
    this.#source = new EncodedAudioPacketSource(track.hls.muxerName);
    this.#config = {
      codec: track.hls.codecString(track.config),
      sampleRate: track.sampleRate,
      numberOfChannels: track.channels,
      ...(track.config.length > 0 ? { description: track.config } : {}),
    };
    this.#durations = durations;
    output.addAudioTrack(this.#source);
  }

  async add(packet: Packet): Promise<void> {
    const encoded = encode(packet, "key", this.#durations.of(packet));
    await this.#source.add(encoded, { decoderConfig: this.#config });
  }
}

function encode(packet: Packet, type: "key" | "delta", durationMs: number): EncodedPacket {
  return new EncodedPacket(packet.data, type, packet.presentMs / 1000, durationMs / 1000);
}

/** How long each packet lasts: until the next of its track; the last one as long as the one before. */
class Durations {
  readonly #durations = new Map<Packet, number>();

  constructor(packets: readonly Packet[], segmentMs: number) {
    for (const isVideo of [true, false]) {
      let [previous, durationMs]: [Packet | null, number] = [null, segmentMs];
      for (const packet of packets) {
        if (packet.isVideo !== isVideo) continue;
        if (previous !== null) {
          durationMs = packet.decodeMs - previous.decodeMs;
          this.#durations.set(previous, durationMs);
        }
        previous = packet;
      }
      if (previous !== null) this.#durations.set(previous, durationMs);
    }
  }

  of(packet: Packet): number {
    return this.#durations.get(packet) ?? 0;
  }
}
