import { type AvcSetup, readAvcSetup, toAdts, toAnnexB } from "./elementary.ts";
import type { Packet } from "./part.ts";
import type { Segment } from "./segmenter.ts";
import type { AudioTrack, VideoTrack } from "./track.ts";
import { TsStreamType, type TsTracks } from "./ts_tables.ts";
import { TsWriter } from "./ts_writer.ts";

/** Yields to the event loop. */
type Pause = () => Promise<void>;

/** Work between two pauses, less than 1 ms of it. */
const BYTES_PER_SLICE = 128 * 1024;
const PACKETS_PER_SLICE = 64;

/** Stream types by the names in the codec table. */
const STREAM_TYPES: Readonly<Record<string, TsStreamType>> = TsStreamType;

/** Muxes the segments of one channel as transport streams. */
export class TsMuxer {
  readonly #writer = new TsWriter();
  readonly #onFrameSkipped: () => void;

  /** @param onFrameSkipped Called for each audio frame that is too long for ADTS. */
  constructor(onFrameSkipped: () => void) {
    this.#onFrameSkipped = onFrameSkipped;
  }

  /**
   * Muxes a segment. Calls `pause` every few packets, so that it does not block the event loop; do
   * not begin the next segment before this one is done.
   */
  async mux(segment: Segment, pause: Pause): Promise<Uint8Array> {
    const { video, audio, packets, isDiscontinuity } = segment;
    const toUnit = unitMaker(segment);
    this.#writer.begin(tablesOf({ video, audio }), isDiscontinuity);
    let [count, bytes] = [0, 0];
    for (const packet of packets) {
      const data = toUnit(packet);
      if (data === null) this.#onFrameSkipped();
      else this.#writer.write({ ...packet, data });
      count++;
      bytes += packet.data.length;
      if (count < PACKETS_PER_SLICE && bytes < BYTES_PER_SLICE) continue;
      await pause();
      count = bytes = 0;
    }
    return this.#writer.end();
  }
}

/** The tracks of a transport stream. */
type Tracks = Pick<Segment, "video" | "audio">;

/** Returns what the tables of a transport stream say of these tracks. */
export function tablesOf({ video, audio }: Tracks): TsTracks {
  return { video: streamTypeOf(video), audio: streamTypeOf(audio) };
}

/** Returns what converts frames of these tracks; null for a frame that cannot be converted. */
export function unitMaker(
  { video, audio }: Tracks,
): (packet: Pick<Packet, "isVideo" | "isKey" | "data">) => Uint8Array | null {
  const avc = video === null ? null : avcSetupOf(video);
  const aacConfig = audio?.hls.muxerName === "aac" ? audio.config : null;
  return ({ isVideo, isKey, data }) => {
    if (isVideo) return toAnnexB(data, avc!, isKey);
    return aacConfig === null ? data : toAdts(data, aacConfig);
  };
}

/** H.264 is the only video in transport streams, and {@linkcode VideoTrack}s are valid. */
function avcSetupOf(track: VideoTrack): AvcSetup {
  return readAvcSetup(track.config)!;
}

function streamTypeOf(track: VideoTrack | AudioTrack | null): TsStreamType | null {
  return track === null ? null : STREAM_TYPES[track.hls.muxerName]!;
}
