/** Command messages: a name, a transaction id and AMF0 values (RTMP 1.0 §7.1.1, §7.2). */

import { amf0BodyOf } from "../amf/amf3_envelope.ts";
import { decodeAmf0Prefix } from "../amf/amf0_decode.ts";
import { encodeAmf0 } from "../amf/amf0_encode.ts";
import type { AmfValue } from "../amf/amf_value.ts";
import { WireError } from "../base/errors.ts";
import { encodeMessage } from "./chunk_encode.ts";
import { Csid, MessageType } from "./constants.ts";

/** A decoded command. */
export interface Command {
  readonly name: string;
  /** Pairs a response with its request; 0 requests no response. */
  readonly transactionId: number;
  /** The command object (usually an object or null), then the arguments. */
  readonly values: readonly AmfValue[];
  /** Why `values` lacks the rest of what was received; absent if nothing is missing. */
  readonly damage?: WireError;
}

/**
 * Decodes a command message of type 20 (AMF0) or 17 (AMF3 envelope). Values from the first one that
 * cannot be decoded on are left out: the name tells whether they matter.
 *
 * @throws {WireError} `command.no_name` when it does not start with a name; `amf.*` when the name
 *   cannot be decoded
 */
export function decodeCommand(payload: Uint8Array): Command {
  const { values: [name, ...rest], error } = decodeAmf0Prefix(amf0BodyOf(payload));
  if (typeof name !== "string") {
    throw error ??
      new WireError("command.no_name", "Cannot read command: it does not start with a name");
  }
  const damage = error === null ? {} : { damage: error };
  const [transactionId, ...values] = rest;
  if (typeof transactionId === "number") return { name, transactionId, values, ...damage };
  // FMLE 3 and some hardware encoders omit the transaction id of commands without a response.
  return { name, transactionId: 0, values: rest, ...damage };
}

/** What {@linkcode encodeCommand} needs besides the command. */
interface CommandFraming {
  /** Message stream id: 0 for NetConnection commands, that of the stream for NetStream commands. */
  readonly msid: number;
  /** Chunk size in bytes, as announced to the peer. */
  readonly chunkSize: number;
}

/** Encodes a command as AMF0 in chunks. */
export function encodeCommand(command: Command, framing: CommandFraming): Uint8Array<ArrayBuffer> {
  const header = {
    csid: Csid.COMMAND,
    typeId: MessageType.COMMAND_AMF0,
    msid: framing.msid,
    timestampMs: 0,
  };
  return encodeMessage(header, encodeCommandPayload(command), framing.chunkSize);
}

/** Encodes only the payload of a command message. */
export function encodeCommandPayload(command: Command): Uint8Array<ArrayBuffer> {
  return encodeAmf0([command.name, command.transactionId, ...command.values]);
}
