/**
 * The bytes of a stream's log as an origin wants them. Players' bytes fit as they are, but for three
 * things: statuses for players are not for origins; `@setDataFrame` goes before metadata, or origins
 * such as Adobe's do not keep it for late players; and the message stream id is the origin's choice.
 */

import { concatBytes } from "../base/bytes.ts";
import { isMetadata, withSetDataFrame } from "../media/metadata.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { MEDIA_MSID, MessageType } from "../rtmp/constants.ts";
import {
  type EncodedMessage,
  isMedia,
  payloadOf,
  splitMessages,
} from "../rtmp/encoded_messages.ts";

/** Where the bytes go. */
export interface PushFraming {
  /** Message stream id that the origin gave. */
  readonly msid: number;
  /** Chunk size of the log, which the origin was told too. */
  readonly chunkSize: number;
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
  return concatBytes(
    pieces.filter(({ typeId }) => isMedia(typeId)).map((piece) => reframePiece(piece, framing)),
  );
}

function reframePiece(piece: EncodedMessage, { msid, chunkSize }: PushFraming): Uint8Array {
  const { csid, typeId, timestampMs } = piece;
  const payload = payloadOf(piece, chunkSize);
  const body = typeId === MessageType.DATA_AMF0 && isMetadata(payload)
    ? withSetDataFrame(payload)
    : payload;
  return encodeMessage({ csid, typeId, msid, timestampMs }, body, chunkSize);
}
