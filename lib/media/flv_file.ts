/**
 * The FLV container (FLV 10.1 Annex E): a header, then tags, each followed by its own size. A tag's body
 * is the payload of the RTMP message of the same type.
 */

import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";

/** One tag: an audio (8), video (9) or data (18) message with its time. */
export interface FlvTag {
  readonly typeId: number;
  /** 0…0xFFFFFFFF: the 24-bit field with the extended byte on top. */
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** "FLV", version 1. */
const SIGNATURE = 0x464c5601;
const HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const MAX_PAYLOAD_BYTES = 0xffffff;
/** Header flags: there may be audio (bit 2) and video (bit 0). */
const HAS_AUDIO_AND_VIDEO = 0x05;
/** The tag's first byte: five bits of type; above them a bit that says "encrypted". */
const TYPE_MASK = 0x1f;
const FILTER_FLAG = 0x20;

/**
 * Tags of a whole FLV file. Payloads are views of `bytes`.
 *
 * @throws WireError with the offset in `bytes`: `flv.truncated`, `flv.bad_header`, `flv.encrypted`,
 * `flv.bad_tag_size` (the size after a tag is not the tag's size).
 */
export function readFlv(bytes: Uint8Array): { tags: FlvTag[] } {
  const reader = new ByteReader(bytes, "flv");
  readHeader(reader);
  const tags: FlvTag[] = [];
  while (reader.remaining > 0) tags.push(readTag(reader));
  return { tags };
}

/** File header and the size of "tag 0": what comes before the first tag. */
export function encodeFlvHeader(): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(HEADER_BYTES + 4);
  writer.u32(SIGNATURE);
  writer.u8(HAS_AUDIO_AND_VIDEO);
  writer.u32(HEADER_BYTES);
  writer.u32(0);
  return writer.take();
}

/**
 * A tag and the size after it. Copies the payload.
 *
 * @throws WireError `flv.tag_too_large` when the payload has more than 0xFFFFFF bytes.
 */
export function encodeFlvTag(tag: FlvTag): Uint8Array<ArrayBuffer> {
  const { payload } = tag;
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new WireError(
      "flv.tag_too_large",
      `Cannot encode FLV tag: ${payload.length} bytes, but ${MAX_PAYLOAD_BYTES} is the most`,
    );
  }
  const writer = new ByteWriter(TAG_HEADER_BYTES + payload.length + 4);
  writer.u8(tag.typeId);
  writer.u24(payload.length);
  writer.u24(tag.timestampMs & 0xffffff);
  writer.u8(tag.timestampMs >>> 24);
  writer.u24(0); // StreamID, always 0
  writer.bytes(payload);
  writer.u32(TAG_HEADER_BYTES + payload.length);
  return writer.take();
}

function readHeader(reader: ByteReader): void {
  const signature = reader.u32();
  if (signature !== SIGNATURE) throw badHeader('it does not begin with "FLV" and version 1', 0);
  reader.u8(); // flags say which types may come; the tags themselves show it
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
