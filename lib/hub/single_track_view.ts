import { concatBytes } from "../base/bytes.ts";
import { defaultTrackOf, hasTracks } from "../media/multitrack.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { MEDIA_MSID } from "../rtmp/constants.ts";
import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";

/**
 * A stream for players that take one audio and one video track: of messages with several tracks
 * (Enhanced RTMP v2) they get the default one, as a message without tracks, and no others.
 *
 * All these players read the same views of the log, so a view is rewritten once. A stream that
 * never had such a message is passed on as it is.
 */
export class SingleTrackView {
  readonly #chunkSize: number;
  #hasTracks = false;
  /** The newest view that was rewritten, and the result. */
  #view: Uint8Array | null = null;
  #rewritten: Uint8Array | null = null;

  /** @param chunkSize Chunk size of the log, in bytes. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Takes note of an audio or video message before it is appended to the log. */
  // HOT: once per media message of a stream.
  observe(typeId: number, payload: Uint8Array): void {
    if (!this.#hasTracks) this.#hasTracks = hasTracks(typeId, payload);
  }

  /** Returns whole messages of the log, or of a preamble, with at most one track of each kind. */
  readonly of = (view: Uint8Array): Uint8Array => {
    if (!this.#hasTracks) return view;
    if (this.#view === view) return this.#rewritten!;
    this.#view = view;
    this.#rewritten = this.#rewrite(view);
    return this.#rewritten;
  };

  #rewrite(view: Uint8Array): Uint8Array {
    let isChanged = false;
    const pieces: Uint8Array[] = [];
    for (const message of splitMessages(view, this.#chunkSize)) {
      const { csid, typeId, timestampMs } = message;
      const payload = payloadOf(message, this.#chunkSize);
      if (!hasTracks(typeId, payload)) {
        pieces.push(message.bytes);
        continue;
      }
      isChanged = true;
      const body = defaultTrackOf(payload);
      if (body === null) continue;
      const header = { csid, typeId, timestampMs, msid: MEDIA_MSID };
      pieces.push(encodeMessage(header, body, this.#chunkSize));
    }
    return isChanged ? concatBytes(pieces) : view;
  }
}
