import { concatBytes } from "../base/bytes.ts";
import type { Reframe } from "../io/socket_writer.ts";
import { classifyVideo, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type EncodedMessage, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { MediaTrack } from "../session/server_stream.ts";

/** Video starts again at a keyframe, which is awaited after it was wanted. */
type VideoState = "wanted" | "awaited" | "unwanted";

/** What one player gets of a stream, when it does not want all of it. */
export class PlayerFilter {
  readonly #chunkSize: number;
  readonly #before: Reframe | null;
  #isAudioWanted = true;
  #video: VideoState = "wanted";

  /**
   * @param chunkSize Chunk size of the log, in bytes.
   * @param before Applied first; null if nothing is.
   */
  constructor(chunkSize: number, before: Reframe | null) {
    this.#chunkSize = chunkSize;
    this.#before = before;
  }

  /** Whether the player wants this track from now on. */
  receive(track: MediaTrack, isWanted: boolean): void {
    if (track === "audio") {
      this.#isAudioWanted = isWanted;
    } else if (!isWanted) {
      this.#video = "unwanted";
    } else if (this.#video === "unwanted") {
      this.#video = "awaited";
    }
  }

  /** Returns the messages that the player wants. `view` has whole messages: a log's, a preamble. */
  readonly reframe = (view: Uint8Array): Uint8Array => {
    const bytes = this.#before === null ? view : this.#before(view);
    if (this.#isAudioWanted && this.#video === "wanted") return bytes;
    return this.#keep(bytes, (message) => this.#isWanted(message));
  };

  /** Returns the messages of `preamble` that belong to this track. */
  headersOf(track: MediaTrack, preamble: Uint8Array): Uint8Array {
    const wantedType = track === "audio" ? MessageType.AUDIO : MessageType.VIDEO;
    return this.#keep(this.reframe(preamble), ({ typeId }) => typeId === wantedType);
  }

  #keep(view: Uint8Array, isWanted: (message: EncodedMessage) => boolean): Uint8Array {
    const messages = splitMessages(view, this.#chunkSize);
    return concatBytes(messages.filter(isWanted).map(({ bytes }) => bytes));
  }

  #isWanted(message: EncodedMessage): boolean {
    if (message.typeId === MessageType.AUDIO) return this.#isAudioWanted;
    if (message.typeId !== MessageType.VIDEO || this.#video === "wanted") return true;
    if (this.#video === "unwanted") return false;
    switch (classifyVideo(payloadOf(message, this.#chunkSize))) {
      case VideoKind.keyframe:
        this.#video = "wanted";
        return true;
      case VideoKind.sequenceHeader:
      case VideoKind.metadata:
        return true;
      default:
        return false;
    }
  }
}
