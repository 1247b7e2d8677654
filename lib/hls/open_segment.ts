import { concatBytes } from "../base/bytes.ts";
import { type FragmentTrack, muxFragment, tracksOfInit } from "./fragment.ts";
import type { Part } from "./part.ts";

/**
 * The segment that is being written part by part (RFC 8216bis §4.4.4.9). Its file is what its parts
 * are together.
 */
export class OpenSegment {
  /** URI of its init segment. */
  readonly initUri: string;
  readonly video: Part["video"];
  readonly audio: Part["audio"];
  readonly isDiscontinuity: boolean;
  /** Path without ending: `live/show-7`. */
  readonly #stem: string;
  readonly #tracks: readonly FragmentTrack[];
  readonly #fragments: Uint8Array[] = [];

  /** @param init Init segment for the tracks of its first part. */
  constructor(
    { video, audio }: Part,
    { stem, init, initUri, isDiscontinuity }: {
      readonly stem: string;
      readonly init: Uint8Array;
      readonly initUri: string;
      readonly isDiscontinuity: boolean;
    },
  ) {
    this.video = video;
    this.audio = audio;
    this.isDiscontinuity = isDiscontinuity;
    this.initUri = initUri;
    this.#stem = stem;
    this.#tracks = tracksOfInit(init);
  }

  /** Path of the part that comes next. */
  get nextPath(): string {
    return partPath(this.#stem, this.#fragments.length);
  }

  /** Muxes the next part. Packets of a track that it did not have at the start are left out. */
  add(part: Part, sequence: number): Uint8Array {
    const fragment = muxFragment(this.#tracks, part.packets, sequence, part);
    this.#fragments.push(fragment);
    return fragment;
  }

  /** Returns the whole segment. */
  bytes(): Uint8Array {
    return concatBytes(this.#fragments);
  }
}

/** Returns the path of a part, counted from 0: `live/show-7.part0.m4s`. */
export function partPath(stem: string, index: number): string {
  return `${stem}.part${index}.m4s`;
}
