/** Decodes messages, for tests of anything but the chunk reader. */

import { encodedMessageBytes } from "../../lib/rtmp/chunk_encode.ts";
import { decodeCommand } from "../../lib/rtmp/commands.ts";
import { parseStatus } from "../../lib/rtmp/status.ts";
import { assertEquals } from "./assert.ts";
import { MessageRecorder, type WireMessage } from "./wire_message.ts";

/** Decodes `bytes`, which have chunks of `chunkSize`. Fails if the last message is incomplete. */
export function readMessages(bytes: Uint8Array, chunkSize: number): WireMessage[] {
  const recorder = new MessageRecorder(chunkSize);
  recorder.push(bytes);
  let wholeBytes = 0;
  for (const { payload, timestampMs } of recorder.messages) {
    wholeBytes += encodedMessageBytes(payload.length, timestampMs, chunkSize);
  }
  assertEquals(wholeBytes, bytes.length, "the bytes end within a message");
  return recorder.messages;
}

const NAMES: ReadonlyMap<number, string> = new Map([[8, "audio"], [9, "video"], [18, "data"]]);
const EVENTS: ReadonlyMap<number, string> = new Map([
  [0, "StreamBegin"],
  [1, "StreamEOF"],
  [6, "PingRequest"],
  [7, "PingResponse"],
]);

/** Names a message: `video`, `StreamEOF`, the code of an `onStatus`, the name of a command. */
export function wordFor({ typeId, payload }: WireMessage): string {
  if (typeId === 4) return EVENTS.get(payload[1]!) ?? `event ${payload[1]}`;
  if (typeId !== 20) return NAMES.get(typeId) ?? `type ${typeId}`;
  const { name, values } = decodeCommand(payload);
  return parseStatus(values[1])?.code ?? name;
}
