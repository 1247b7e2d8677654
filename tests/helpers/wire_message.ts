/** Whole RTMP messages as tests look at them. */

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

/** Decodes what is pushed, and keeps it. */
export class MessageRecorder {
  readonly messages: WireMessage[] = [];
  readonly #reader = new ChunkReader({
    onMessage: (typeId, timestampMs, msid, payload) => {
      this.messages.push({ typeId, timestampMs, msid, payload: payload.slice() });
    },
  });

  /** @param chunkSize Size of the chunks; 128 until the bytes say otherwise, as at a session's start. */
  constructor(chunkSize = INITIAL_CHUNK_SIZE) {
    this.push(encodeSetChunkSize(chunkSize));
    this.messages.pop();
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }
}

/** Whether the message is audio, video or data. */
export function isMedia({ typeId }: WireMessage): boolean {
  return typeId === 8 || typeId === 9 || typeId === 18;
}

/** The commands among the messages. */
export function commandsIn(messages: readonly WireMessage[]): Command[] {
  return messages.filter(({ typeId }) => typeId === 20)
    .map(({ typeId, payload }) => decodeCommand(typeId, payload));
}

/** Status codes of the `onStatus` commands among the messages. */
export function statusCodesIn(messages: readonly WireMessage[]): string[] {
  return commandsIn(messages).filter(({ name }) => name === "onStatus")
    .map(({ values }) => parseStatus(values[1])?.code ?? "");
}
