/**
 * The bytes of a stream's log as an origin wants them. Players' bytes fit as they are, but for three
 * things: statuses for players are not for origins; `@setDataFrame` goes before metadata, or origins
 * such as Adobe's do not keep it for late players; and the message stream id is the origin's choice.
 */

import { readU24, readU32 } from "../base/bytes.ts";
import { concatBytes } from "../base/bytes.ts";
import { isMetadata, withSetDataFrame } from "../media/metadata.ts";
import { encodedMessageBytes, encodeMessage } from "../rtmp/chunk_encode.ts";
import { EXTENDED_TIMESTAMP, MEDIA_MSID, MessageType } from "../rtmp/constants.ts";

/** Where the bytes go. */
export interface PushFraming {
  /** Message stream id that the origin gave. */
  readonly msid: number;
  /** Chunk size of the log, which the origin was told too. */
  readonly chunkSize: number;
}

/** A message inside encoded bytes. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly csid: number;
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payloadLength: number;
}

/**
 * Whole messages of a log in, the same for the origin out: the view itself when nothing is to change,
 * which is nearly always.
 */
export function reframeForPush(view: Uint8Array, framing: PushFraming): Uint8Array {
  const pieces = splitMessages(view, framing.chunkSize);
  const isAsItIs = framing.msid === MEDIA_MSID &&
    pieces.every(({ typeId }) => typeId === MessageType.AUDIO || typeId === MessageType.VIDEO);
  if (isAsItIs) return view;
  const kept = pieces.filter(({ typeId }) =>
    typeId === MessageType.AUDIO || typeId === MessageType.VIDEO || typeId === MessageType.DATA_AMF0
  );
  return concatBytes(kept.map((piece) => reframePiece(piece, framing)));
}

function reframePiece(piece: Piece, { msid, chunkSize }: PushFraming): Uint8Array {
  const { csid, typeId, timestampMs } = piece;
  const payload = payloadOf(piece, chunkSize);
  const body = typeId === MessageType.DATA_AMF0 && isMetadata(payload)
    ? withSetDataFrame(payload)
    : payload;
  return encodeMessage({ csid, typeId, msid, timestampMs }, body, chunkSize);
}

/** Every message of the log begins with a full header, so the bytes say where the next one begins. */
function splitMessages(view: Uint8Array, chunkSize: number): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < view.length) {
    const field = readU24(view, at + 1);
    const timestampMs = field === EXTENDED_TIMESTAMP ? readU32(view, at + 12) : field;
    const payloadLength = readU24(view, at + 4);
    const end = at + encodedMessageBytes(payloadLength, timestampMs, chunkSize);
    pieces.push({
      bytes: view.subarray(at, end),
      csid: view[at]!,
      typeId: view[at + 7]!,
      timestampMs,
      payloadLength,
    });
    at = end;
  }
  return pieces;
}

function payloadOf(piece: Piece, chunkSize: number): Uint8Array {
  const extended = piece.timestampMs >= EXTENDED_TIMESTAMP ? 4 : 0;
  const payload = new Uint8Array(piece.payloadLength);
  let at = 12 + extended;
  for (let done = 0; done < payload.length; done += chunkSize) {
    const length = Math.min(chunkSize, payload.length - done);
    payload.set(piece.bytes.subarray(at, at + length), done);
    at += length + 1 + extended;
  }
  return payload;
}
