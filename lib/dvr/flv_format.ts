import { decodeAmf0Prefix } from "../amf/amf0_decode.ts";
import { encodeAmf0 } from "../amf/amf0_encode.ts";
import { AmfObject, type AmfValue } from "../amf/amf_value.ts";
import { encodeUtf8, MAX_SHORT_TEXT } from "../base/bytes.ts";
import { VERSION } from "../base/version.ts";
import {
  encodedFlvTagBytes,
  encodeFlvHeader,
  encodeFlvTagInto,
  type FlvTag,
} from "../media/flv_file.ts";
import { isFrame } from "../media/flv_tag.ts";
import { isMetadata } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import type { FileFormat, Patch, RecordedMessage } from "./file_format.ts";

const NAME = "onMetaData";

/** Fields whose values are known at the end. They are last in the metadata, as SRS writes them. */
const LATE_FIELDS = ["filesize", "duration"] as const;

/** Longer metadata is left out, as it is for players that join. */
const MAX_METADATA_BYTES = 64 * 1024;

/** An AMF0 number: a marker and eight bytes. */
const NUMBER_BYTES = 9;
/** The end of an AMF0 object or array. */
const OBJECT_END_BYTES = 3;
/** The length before the name of an AMF0 property. */
const NAME_LENGTH_BYTES = 2;
const TAG_SIZE_BYTES = 4;
const HEADER_BYTES = encodeFlvHeader().length;
/** Offset of the flags in the file header. */
const FLAGS_AT = 4;

/**
 * FLV: the messages as they are, behind a header and metadata. Duration, size and tracks are filled
 * in at the end; players find them from the tags if the server did not live to do that.
 */
export class FlvFormat implements FileFormat {
  #tags: FlvTag[] = [];
  #head = encodeFlvHeader();
  /** Offsets of the values of {@linkcode LATE_FIELDS}; null until the metadata is written. */
  #lateAt: readonly [number, number] | null = null;
  #firstMs = -1;
  /** Of the frames pushed, and of those in the file. */
  #lastMs = 0;
  #writtenMs = 0;
  #hasAudio = false;
  #hasVideo = false;

  /** A file may contain any sequence of headers. */
  endsBefore(): boolean {
    return false;
  }

  push({ typeId, timeMs, payload }: RecordedMessage): void {
    // A second one would be written amid the media, where players do not expect it.
    if (isMetadata(payload) && typeId === MessageType.DATA_AMF0) return this.#begin(payload);
    this.#begin(null);
    this.#hasAudio ||= typeId === MessageType.AUDIO;
    this.#hasVideo ||= typeId === MessageType.VIDEO;
    if (isFrame(typeId, payload)) this.#noteTime(timeMs);
    this.#tags.push({ typeId, timestampMs: timeMs >>> 0, payload });
  }

  take(): Promise<Uint8Array> {
    const head = this.#head;
    const tags = this.#tags;
    this.#head = new Uint8Array(0);
    this.#tags = [];
    const lengths = tags.map(({ payload }) => encodedFlvTagBytes(payload.length));
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, head.length));
    bytes.set(head);
    let at = head.length;
    tags.forEach((tag, index) => {
      encodeFlvTagInto(bytes, at, tag);
      at += lengths[index]!;
    });
    return Promise.resolve(bytes);
  }

  takeRest(): Promise<Uint8Array> {
    return this.take();
  }

  noteWritten(): void {
    this.#writtenMs = this.#lastMs;
  }

  patches(fileBytes: number): readonly Patch[] {
    if (this.#lateAt === null) return [];
    const [sizeAt, durationAt] = this.#lateAt;
    const durationMs = Math.max(0, this.#writtenMs - this.#firstMs);
    const flags = encodeFlvHeader({ hasAudio: this.#hasAudio, hasVideo: this.#hasVideo });
    return [
      { offset: FLAGS_AT, bytes: flags.subarray(FLAGS_AT, FLAGS_AT + 1) },
      { offset: sizeAt, bytes: encodeAmf0([fileBytes]) },
      { offset: durationAt, bytes: encodeAmf0([durationMs / 1000]) },
    ];
  }

  #noteTime(timeMs: number): void {
    if (this.#firstMs < 0) this.#firstMs = timeMs;
    this.#lastMs = Math.max(this.#lastMs, timeMs);
  }

  /** Writes the metadata, unless it is written. @param payload The stream's, or null. */
  #begin(payload: Uint8Array | null): void {
    if (this.#lateAt !== null) return;
    const metadata = recordedMetadata(payload);
    const tagBytes = encodedFlvTagBytes(metadata.length);
    const endAt = HEADER_BYTES + tagBytes - TAG_SIZE_BYTES - OBJECT_END_BYTES;
    const durationAt = endAt - NUMBER_BYTES;
    const durationNameBytes = NAME_LENGTH_BYTES + encodeUtf8(LATE_FIELDS[1]).length;
    this.#lateAt = [durationAt - durationNameBytes - NUMBER_BYTES, durationAt];
    this.#tags.push({ typeId: MessageType.DATA_AMF0, timestampMs: 0, payload: metadata });
  }
}

/** Returns metadata with {@linkcode LATE_FIELDS} last, and 0 in them. */
function recordedMetadata(payload: Uint8Array | null): Uint8Array {
  const own: [string, AmfValue][] = [
    ["service", `edge ${VERSION}`],
    ...LATE_FIELDS.map((name): [string, AmfValue] => [name, 0]),
  ];
  const names = new Set(own.map(([name]) => name));
  // A text of bytes that are no UTF-8 grows when it is encoded again.
  const given = [...propertiesOf(payload)].filter(([name]) =>
    !names.has(name) && name.length <= MAX_SHORT_TEXT
  );
  return encodeAmf0([NAME, new AmfObject("ecma_array", new Map([...given, ...own]))]);
}

function propertiesOf(payload: Uint8Array | null): Iterable<[string, AmfValue]> {
  if (payload === null || payload.length > MAX_METADATA_BYTES) return [];
  const value = decodeAmf0Prefix(payload).values[1];
  return value instanceof AmfObject ? value.properties : [];
}
