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

/** What an origin expects of the bytes it is sent. */
export interface PushFraming {
  /** Message stream id that the origin gave. */
  readonly msid: number;
  /** Chunk size of the log, which the origin was told too. */
  readonly chunkSize: number;
}

/**
 * Returns the messages of `view`, whole messages of a log, as an origin wants them: the view itself
 * when nothing changes, which is nearly always. Players' bytes fit but for three things: statuses
 * for players are left out; metadata gets `@setDataFrame`, because origins such as Adobe's do not
 * keep it for late players otherwise; and the message stream id is the one that the origin gave.
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
