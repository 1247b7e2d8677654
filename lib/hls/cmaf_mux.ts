import {
  BufferTarget,
  CmafOutputFormat,
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Logging,
  LogLevel,
  Output,
} from "mediabunny";
import { unmarkFirstFrame } from "./patch_segment.ts";
import { type Packet, trackEndMs } from "./part.ts";
import type { Segment } from "./segmenter.ts";
import type { AudioTrack, VideoTrack } from "./track.ts";

// It would print a line per segment for a publisher's damaged header.
Logging.level = LogLevel.Silent;

/** A segment, and the init segment that players need first. */
interface CmafSegment {
  readonly media: Uint8Array;
  readonly init: Uint8Array;
}

/** Yields to the event loop. */
type Pause = () => Promise<void>;

/** Packets between two pauses. Some take 0.1 ms each. */
const PACKETS_PER_SLICE = 16;

/** Shortest fragment of a CMAF segment. Longer GOPs are fragments, muxed one by one. */
const FRAGMENT_SECONDS = 1;

/**
 * Muxes a CMAF segment with mediabunny. Calls `pause` every few packets, so that it does not block
 * the event loop; loading mediabunny does, for 50 to 150 ms, so only `segment_mux.ts` imports this
 * module, when a stream needs CMAF.
 *
 * mediabunny's own HLS output does not serve: it writes no discontinuities, continues no playlist
 * from before a restart, and cuts before a segment exceeds its target, not where SRS cuts.
 *
 * @throws Error from mediabunny if the packets do not match their codec.
 */
export async function muxCmaf(segment: Segment, pause: Pause): Promise<CmafSegment> {
  const [target, initTarget] = [new BufferTarget(), new BufferTarget()];
  const format = new CmafOutputFormat({ minimumFragmentDuration: FRAGMENT_SECONDS });
  await fill(new Output({ format, target, initTarget }), segment, pause);
  const media = new Uint8Array(target.buffer!);
  // Video is the first track.
  if (!segment.isIndependent) unmarkFirstFrame(media);
  return { media, init: new Uint8Array(initTarget.buffer!) };
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

/** Adds the first frame of each track first, so that all segments number tracks alike. */
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

/** The tracks of an output. */
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
  #isFirst = true;

  constructor(output: Output, track: VideoTrack, durations: Durations) {
    this.#source = new EncodedVideoPacketSource(track.hls.muxerName);
    this.#config = {
      codec: track.hls.codecString(track.config),
      codedWidth: track.size.width,
      codedHeight: track.size.height,
      ...(track.config.length > 0 ? { description: track.config } : {}),
    };
    this.#durations = durations;
    output.addVideoTrack(this.#source);
  }

  /** mediabunny insists on a keyframe first. An overdue segment starts with another frame. */
  async add(packet: Packet): Promise<void> {
    const type = packet.isKey || this.#isFirst ? "key" : "delta";
    this.#isFirst = false;
    const encoded = encode(packet, type, this.#durations.of(packet));
    await this.#source.add(encoded, { decoderConfig: this.#config });
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

/** Durations of packets: until the next one of the track. */
class Durations {
  readonly #durations = new Map<Packet, number>();

  constructor(packets: readonly Packet[], segmentMs: number) {
    const endMs = packets[0]!.decodeMs + segmentMs;
    const hasVideo = packets.some(({ isVideo }) => isVideo);
    for (const isVideo of [true, false]) {
      const track = packets.filter((packet) => packet.isVideo === isVideo);
      for (const [index, packet] of track.entries()) {
        const nextMs = track[index + 1]?.decodeMs ?? trackEndMs(track, endMs, isVideo === hasVideo);
        this.#durations.set(packet, nextMs - packet.decodeMs);
      }
    }
  }

  of(packet: Packet): number {
    return this.#durations.get(packet) ?? 0;
  }
}
