import type { AudioCodec, VideoCodec } from "../media/codecs.ts";
import type { Segment } from "./segmenter.ts";

/** The tracks of a segment. */
type Tracks = Pick<Segment, "video" | "audio">;

/** The codecs of a playlist's tracks, each known from the first segment that has the track on. */
export class ListCodecs {
  #video: VideoCodec | null = null;
  #audio: AudioCodec | null = null;

  /** Forgets the codecs: a new list begins. */
  reset(): void {
    this.#video = null;
    this.#audio = null;
  }

  /** Notes the codecs of a segment. */
  add({ video, audio }: Tracks): void {
    this.#video = video?.codec ?? this.#video;
    this.#audio = audio?.codec ?? this.#audio;
  }

  /** Whether one of the tracks has another codec. */
  excludes({ video, audio }: Tracks): boolean {
    return (video !== null && (this.#video ?? video.codec) !== video.codec) ||
      (audio !== null && (this.#audio ?? audio.codec) !== audio.codec);
  }
}
