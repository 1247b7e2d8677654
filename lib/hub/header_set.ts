import { concatBytes } from "../base/bytes.ts";
import { isSideData } from "../media/flv_tag.ts";
import { headerKey } from "../media/header_key.ts";
import { isClearDataFrame, isMetadata } from "../media/metadata.ts";
import { metadataWithout } from "../media/metadata_tracks.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { MEDIA_MSID, MessageType } from "../rtmp/constants.ts";
import { csidOf } from "../rtmp/encoded_messages.ts";
import type { Track } from "./timeline.ts";

/**
 * Timestamp of all metadata, in ms. ffmpeg takes metadata with any other timestamp for subtitles
 * and adds a stream to its output. SRS and nginx-rtmp also stamp 0.
 */
export const METADATA_TIMESTAMP_MS = 0;

/** Key of the metadata in a {@linkcode HeaderSet}. */
export const METADATA_KEY = "metadata";

const TYPE_OF = { audio: MessageType.AUDIO, video: MessageType.VIDEO } as const;

/** Headers kept per source. Real streams have few tracks; a hostile publisher could invent many. */
const MAX_HEADERS = 32;

/**
 * Longer headers are relayed but not kept for new players. Real ones have some hundred bytes,
 * metadata with an index of keyframes some thousand.
 */
const MAX_HEADER_BYTES = 64 * 1024;

/** A header as it arrived. Shared: do not change its payload. */
export interface Header {
  readonly typeId: number;
  readonly payload: Uint8Array;
}

/** Returns the key of a message in a {@linkcode HeaderSet}; null if it is not kept there. */
export function keyInHeaders(typeId: number, payload: Uint8Array): string | null {
  if (typeId === MessageType.AUDIO || typeId === MessageType.VIDEO) {
    return isSideData(typeId, payload) ? headerKey(typeId, payload) : null;
  }
  return isMetadata(payload) ? METADATA_KEY : null;
}

/**
 * The metadata and sequence headers in force at one point of a stream: what a player needs before
 * media. Immutable; two points with the same headers share one set, so compare by identity.
 */
export class HeaderSet {
  /** By {@linkcode headerKey} or {@linkcode METADATA_KEY}, in order of arrival. */
  readonly #headers: ReadonlyMap<string, Header>;
  #cached: { readonly timestampMs: number; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

  constructor(headers: ReadonlyMap<string, Header> = new Map()) {
    this.#headers = headers;
  }

  /**
   * Returns the headers in force after a message: this set if it changes none, as when an encoder
   * repeats a header. Copies `payload` if it keeps it.
   */
  after(typeId: number, payload: Uint8Array): HeaderSet {
    const key = keyInHeaders(typeId, payload);
    if (key !== null) return this.#with(key, typeId, payload);
    return isClearDataFrame(payload) ? this.#without(METADATA_KEY) : this;
  }

  /** Returns this set without the headers of `track` and its fields in the metadata. */
  withoutTrack(track: Track): HeaderSet {
    const own = this.ofTrack(track);
    if (own.size === 0) return this;
    const headers = new Map(this.#headers);
    for (const [key, { typeId, payload }] of own) {
      if (key !== METADATA_KEY) headers.delete(key);
      else headers.set(key, { typeId, payload: metadataWithout(track, payload) });
    }
    return new HeaderSet(headers);
  }

  /** Returns the headers of `track`, and the metadata if it has fields of it. */
  ofTrack(track: Track): ReadonlyMap<string, Header> {
    const isOwn = (key: string, { typeId, payload }: Header) =>
      typeId === TYPE_OF[track] ||
      (key === METADATA_KEY && metadataWithout(track, payload) !== payload);
    return new Map([...this.#headers].filter((entry) => isOwn(...entry)));
  }

  /** Returns the payload of the header `key`, or null. Shared: do not change it. */
  payloadOf(key: string): Uint8Array | null {
    return this.#headers.get(key)?.payload ?? null;
  }

  /**
   * Encodes the headers as messages. Sequence headers are stamped `timestampMs`, so that a new
   * player's time never runs backwards; metadata is stamped {@linkcode METADATA_TIMESTAMP_MS}.
   * Shared: all players that join at the same point get the same array.
   */
  encode(timestampMs: number, chunkSize: number): Uint8Array<ArrayBuffer> {
    if (this.#cached?.timestampMs === timestampMs) return this.#cached.bytes;
    const parts: Uint8Array[] = [];
    for (const { typeId, payload } of this.#headers.values()) {
      const stampMs = typeId === MessageType.DATA_AMF0 ? METADATA_TIMESTAMP_MS : timestampMs;
      const header = { csid: csidOf(typeId), typeId, msid: MEDIA_MSID, timestampMs: stampMs };
      parts.push(encodeMessage(header, payload, chunkSize));
    }
    this.#cached = { timestampMs, bytes: concatBytes(parts) };
    return this.#cached.bytes;
  }

  #with(key: string, typeId: number, payload: Uint8Array): HeaderSet {
    if (payload.length > MAX_HEADER_BYTES || this.#has(key, payload)) return this;
    if (this.#headers.size >= MAX_HEADERS && !this.#headers.has(key)) return this;
    const headers = new Map(this.#headers);
    // Delete first: a replaced header moves to the end.
    headers.delete(key);
    headers.set(key, { typeId, payload: payload.slice() });
    return new HeaderSet(headers);
  }

  #without(key: string): HeaderSet {
    if (!this.#headers.has(key)) return this;
    const headers = new Map(this.#headers);
    headers.delete(key);
    return new HeaderSet(headers);
  }

  #has(key: string, payload: Uint8Array): boolean {
    const known = this.#headers.get(key)?.payload;
    return known !== undefined && known.length === payload.length &&
      known.every((byte, index) => byte === payload[index]);
  }
}
