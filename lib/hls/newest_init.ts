import type { Segment } from "./segmenter.ts";
import { isSameTrack } from "./track.ts";

/** An init segment on the disk, with the tracks it describes. */
interface InitSegment extends Pick<Segment, "video" | "audio"> {
  readonly uri: string;
  readonly bytes: Uint8Array;
}

/** The newest init segment of a stream, which the next segments use while their tracks stay. */
export class NewestInit {
  #init: InitSegment | null = null;

  /** Null before the first one. */
  get current(): InitSegment | null {
    return this.#init;
  }

  set(init: InitSegment): void {
    this.#init = init;
  }

  /** Compares tracks, not bytes: each init segment contains its time of creation. */
  isFor({ video, audio }: Pick<Segment, "video" | "audio">): boolean {
    const init = this.#init;
    return init !== null && isSameTrack(init.video, video) && isSameTrack(init.audio, audio);
  }

  /** Forgets it if it is among these, which were removed. */
  forget(uris: readonly string[]): void {
    if (this.#init !== null && uris.includes(this.#init.uri)) this.#init = null;
  }
}
