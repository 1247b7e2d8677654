/** Complete RTMP messages, for assertions. */

import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import { type Command, decodeCommand } from "../../lib/rtmp/commands.ts";
import { INITIAL_CHUNK_SIZE } from "../../lib/rtmp/constants.ts";
import { encodeSetChunkSize } from "../../lib/rtmp/control_messages.ts";
import { parseStatus } from "../../lib/rtmp/status.ts";

/** A message with a copy of its payload. */
export interface WireMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly msid: number;
  readonly payload: Uint8Array;
}

/** Decodes the pushed bytes and keeps the messages. */
export class MessageRecorder {
  readonly messages: WireMessage[] = [];
  readonly #reader = new ChunkReader({
    onMessage: (typeId, timestampMs, msid, payload) => {
      this.messages.push({ typeId, timestampMs, msid, payload: payload.slice() });
    },
  });

  /** @param chunkSize chunk size of the bytes until they contain a SetChunkSize */
  constructor(chunkSize = INITIAL_CHUNK_SIZE) {
    this.push(encodeSetChunkSize(chunkSize));
    this.messages.pop();
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }
}

/** Returns whether a message is audio, video or data. */
export function isMedia({ typeId }: WireMessage): boolean {
  return typeId === 8 || typeId === 9 || typeId === 18;
}

/** Returns the commands among the messages. */
export function commandsIn(messages: readonly WireMessage[]): Command[] {
  return messages.filter(({ typeId }) => typeId === 20)
    .map(({ payload }) => decodeCommand(payload));
}

/** Returns the status codes of the `onStatus` commands among the messages. */
export function statusCodesIn(messages: readonly WireMessage[]): string[] {
  return commandsIn(messages).filter(({ name }) => name === "onStatus")
    .map(({ values }) => parseStatus(values[1])?.code ?? "");
}
