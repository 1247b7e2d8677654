/**
 * The FLV container (FLV 10.1 Annex E): a header, then tags, each followed by its size. The body of
 * a tag is the payload of the RTMP message of the same type.
 */

import { ByteReader, ByteWriter, writeU24, writeU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";

/** A tag: an audio (8), video (9) or data (18) message. */
export interface FlvTag {
  readonly typeId: number;
  /** u32: the 24-bit field with the extended byte on top. */
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** The tracks that a file or stream announces. */
export interface FlvTracks {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}

/** "FLV", version 1. */
const SIGNATURE = 0x464c5601;
const HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const MAX_PAYLOAD_BYTES = 0xffffff;
/** Header flags. */
const HAS_AUDIO = 0x04;
const HAS_VIDEO = 0x01;
/** The first byte of a tag: five bits of type, above them a bit for encrypted tags. */
const TYPE_MASK = 0x1f;
const FILTER_FLAG = 0x20;

/**
 * Reads the tags of a whole FLV file. Payloads are views of `bytes`.
 *
 * @throws WireError with the offset in `bytes`: `flv.truncated`, `flv.bad_header`, `flv.encrypted`,
 * `flv.bad_tag_size` (the size after a tag is wrong).
 */
export function readFlv(bytes: Uint8Array): { tags: FlvTag[] } {
  const reader = new ByteReader(bytes, "flv");
  readHeader(reader);
  const tags: FlvTag[] = [];
  while (reader.remaining > 0) tags.push(readTag(reader));
  return { tags };
}

/** Encodes what precedes the first tag: the file header and the size of "tag 0". */
export function encodeFlvHeader(
  { hasAudio, hasVideo }: FlvTracks = { hasAudio: true, hasVideo: true },
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(HEADER_BYTES + 4);
  writer.u32(SIGNATURE);
  writer.u8((hasAudio ? HAS_AUDIO : 0) | (hasVideo ? HAS_VIDEO : 0));
  writer.u32(HEADER_BYTES);
  writer.u32(0);
  return writer.take();
}

/** Returns the bytes of a tag with `length` payload bytes, the size after it included. */
export function encodedFlvTagBytes(length: number): number {
  return TAG_HEADER_BYTES + length + 4;
}

/**
 * Writes a tag and the size after it into `target` at `offset`, where the caller has reserved
 * {@linkcode encodedFlvTagBytes}. The payload, at most 0xFFFFFF bytes, is copied.
 */
// HOT: once per media message of a stream with HTTP-FLV viewers.
export function encodeFlvTagInto(target: Uint8Array, offset: number, tag: FlvTag): void {
  const { typeId, timestampMs, payload } = tag;
  target[offset] = typeId;
  writeU24(target, offset + 1, payload.length);
  writeU24(target, offset + 4, timestampMs);
  target[offset + 7] = timestampMs >>> 24;
  writeU24(target, offset + 8, 0); // StreamID, always 0
  target.set(payload, offset + TAG_HEADER_BYTES);
  writeU32(target, offset + TAG_HEADER_BYTES + payload.length, TAG_HEADER_BYTES + payload.length);
}

/**
 * Encodes a tag and the size after it. Copies the payload.
 *
 * @throws WireError `flv.tag_too_large` if the payload has more than 0xFFFFFF bytes.
 */
export function encodeFlvTag(tag: FlvTag): Uint8Array<ArrayBuffer> {
  const { length } = tag.payload;
  if (length > MAX_PAYLOAD_BYTES) {
    throw new WireError(
      "flv.tag_too_large",
      `Cannot encode FLV tag: ${length} bytes exceed ${MAX_PAYLOAD_BYTES}`,
    );
  }
  const bytes = new Uint8Array(encodedFlvTagBytes(length));
  encodeFlvTagInto(bytes, 0, tag);
  return bytes;
}

function readHeader(reader: ByteReader): void {
  const signature = reader.u32();
  if (signature !== SIGNATURE) throw badHeader('it does not begin with "FLV" and version 1', 0);
  reader.u8(); // flags: the tags themselves show which types there are
  const headerBytes = reader.u32();
  if (headerBytes < HEADER_BYTES) throw badHeader(`its header has ${headerBytes} bytes`, 5);
  reader.view(headerBytes - HEADER_BYTES);
  reader.u32(); // size of the tag before the first one
}

function readTag(reader: ByteReader): FlvTag {
  const offset = reader.offset;
  const type = reader.u8();
  if ((type & FILTER_FLAG) !== 0) {
    throw new WireError("flv.encrypted", "Cannot read FLV tag: it is encrypted", { offset });
  }
  const payloadBytes = reader.u24();
  const low = reader.u24();
  const timestampMs = ((reader.u8() << 24) | low) >>> 0;
  reader.u24(); // StreamID
  const payload = reader.view(payloadBytes);
  checkTagSize(reader, TAG_HEADER_BYTES + payloadBytes);
  return { typeId: type & TYPE_MASK, timestampMs, payload };
}

function checkTagSize(reader: ByteReader, tagBytes: number): void {
  const offset = reader.offset;
  const stated = reader.u32();
  if (stated === tagBytes) return;
  throw new WireError(
    "flv.bad_tag_size",
    `Cannot read FLV: a tag of ${tagBytes} bytes is followed by the size ${stated}`,
    { offset, fix: "the file is damaged; write it again, e.g. ffmpeg -i in.flv -c copy out.flv" },
  );
}

function badHeader(what: string, offset: number): WireError {
  return new WireError("flv.bad_header", `Cannot read FLV file: ${what}`, { offset });
}
